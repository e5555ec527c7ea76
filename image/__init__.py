"""The container image in which the agent runs on a cluster's nodes: for amd64 and arm64, without Docker or a registry.

    make image            writes dist/kubectl-netpol-agent.tar and one archive for each architecture

packages       Debian's packages that go in; no other does, whatever they depend on
left-out       what of these packages stays out
files          the project's files that go in
debian.py      the lower layer, from the packages; kept until one of its lists changes
project.py     the upper layer, from the project's files
bytecode.py    compiles both layers' modules with the image's own Python
layers.py      files in memory, and deterministic tar files of them
oci.py         archives that container runtimes load, of any layers
build.py       the order of it all, and what the image says of itself
Dockerfile     the same image by `docker build`, which calls build.py

It takes Python's standard library, mmdebstrap and dpkg-deb. docs/image.md says how to get the image into a cluster.
"""
