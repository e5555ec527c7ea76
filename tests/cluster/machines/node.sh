# Run in a node, by nodes.py: its own /run, /etc and /var, so that nothing strays to the machine; its address, its routes.
# name ipv4 ipv6: the node's; gateway_ipv4 gateway_ipv6: the hub's; kubelet containerd: folders on a real disk.
set -eu
mount --make-rshared /
mount -t tmpfs -o mode=755 tmpfs /run
mkdir -p /run/lock /run/netns
for folder in etc var; do
	mkdir -p /run/overlay/$folder/upper /run/overlay/$folder/work
	mount -t overlay overlay /$folder \
		-o lowerdir=/$folder,upperdir=/run/overlay/$folder/upper,workdir=/run/overlay/$folder/work
done
mkdir -p /etc/cni/net.d /var/log/pods /var/log/containers /var/lib/cni \
	/var/lib/kubelet /var/lib/containerd
mount --bind "$kubelet" /var/lib/kubelet
mount --bind "$containerd" /var/lib/containerd
echo "$name" > /etc/hostname
echo "search ." > /etc/kubelet-resolv.conf

# The kubelet sets these for the whole machine. It is shown files that hold what it wants already.
mkdir /run/sysctl
while read -r key value; do
	echo "$value" > "/run/sysctl/${key##*/}"
	mount --bind "/run/sysctl/${key##*/}" "/proc/sys/$key"
done <<-END
	vm/overcommit_memory 1
	vm/panic_on_oom 0
	kernel/panic 10
	kernel/panic_on_oops 1
	kernel/keys/root_maxkeys 1000000
	kernel/keys/root_maxbytes 25000000
END

ip link set lo up
for scope in all default; do echo 0 > /proc/sys/net/ipv6/conf/$scope/accept_dad; done
ip address add "$ipv4/24" dev eth0
ip address add "$ipv6/64" dev eth0 nodad
ip link set eth0 up
ip route add default via "$gateway_ipv4"
ip -6 route add default via "$gateway_ipv6" dev eth0
echo 1 > /proc/sys/net/ipv4/ip_forward
echo 1 > /proc/sys/net/ipv6/conf/all/forwarding
