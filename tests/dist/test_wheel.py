"""The wheel, as pipx installs it for somebody without krew."""

import os
import subprocess
import sys

from kubectl_netpol import __version__


def test_pipx_installs_the_wheel_with_its_completion(home, wheel, tmp_path):
    pipx = [sys.executable, "-m", "pipx"]
    environment = home.environment(PIPX_HOME=str(tmp_path / "pipx"), PIPX_BIN_DIR=str(home.folder / "bin"))
    keep = {"PIP_FIND_LINKS", "PIP_CERT", "PIP_INDEX_URL", "PIP_CACHE_DIR", "REQUESTS_CA_BUNDLE", "SSL_CERT_FILE"}
    environment |= {name: value for name, value in os.environ.items() if name in keep}
    subprocess.run([*pipx, "install", str(wheel)], env=environment, check=True, capture_output=True, timeout=600)
    assert home.run("kubectl", "netpol", "version").stdout.startswith(f"Client Version: v{__version__}\n")
    assert "kind: NetworkPolicy" in home.run("kubectl", "netpol", "demo", "--replay").stdout
    assert home.run("kubectl", "__complete", "netpol", "ge").stdout.startswith("generate\t")
    said = home.run("kubectl", "netpol", "completion", "install").stdout
    assert said == f"{home.folder}/bin/kubectl_complete-netpol unchanged\n"
    subprocess.run([*pipx, "uninstall", "kubectl-netpol"], env=environment, check=True, capture_output=True)
    assert sorted(path.name for path in (home.folder / "bin").iterdir()) == ["kubectl", "kubectl-krew"]
