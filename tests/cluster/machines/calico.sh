# Run in a node, by calico.py: the folders of Calico's CNI plugin and of Felix.
# name: the node's.
set -eu
mkdir -p /run/calico /var/log/calico /var/lib/calico
echo "$name" > /var/lib/calico/nodename
