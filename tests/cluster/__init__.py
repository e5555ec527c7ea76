"""A real Kubernetes on one Linux machine: two nodes, dual stack, enforced policies, no container registry, no way out.

    make cluster          builds what is missing, starts it, prints the kubeconfig to use
    make cluster-down     removes all of it

With NETWORK=cilium Cilium stands in the place of Calico and of kube-proxy.

Three "machines", each a network and a mount namespace of its own, hang on one bridge:

                 127.0.0.1:16443 of the host
                      |  forwarder (API server only)
    +-----------------v-----------------+
    | hub   etcd, API server, scheduler,|   the bridge, the nodes' default route and "the outside world":
    |       controller manager          |   nothing leaves it, whatever the tests address
    +----+-------------------------+----+
         |                         |
    +----v-----+              +----v-----+
    | n1       |              | n2       |   each: containerd, kubelet, kube-proxy, Calico's CNI plugin and Felix
    +----------+              +----------+

layout.py         names, addresses and folders; everything else reads them
build.py          binaries from Go modules (go_modules.py) and Debian packages (images.py: images from Debian packages)
certificates.py   the authority, keys and kubeconfigs
cgroups.py        one tree of control groups holds every process, so that none is forgotten
processes.py      daemons: started in a machine, found again, stopped
network.py        the machines' namespaces and how they are wired
control_plane.py  what runs in the hub
nodes.py          what runs on every node
networks.py       what a network has to offer: calico.py with kube-proxy, cilium.py without
cluster.py        the order of it all; start and stop
traces.py         what a cluster could leave behind on the machine (kernel_objects.py: in the kernel)
witness.py        who talks to whom, by the nodes' own connection tracking
application/      a small shop; truth.yaml says who really talks to whom in it
"""
