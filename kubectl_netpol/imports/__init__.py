"""What others recorded: flows of Hubble and NetObserv, and packets of pcap files, on their way to wire records.

Each source's reader (``hubble``, ``netobserv``, ``pcap``) takes lines or bytes and hands connections to ``traffic``,
which counts them by pairs of ends; ``objects`` and ``records`` say the result in the words that ``neighbors`` knows:
Kubernetes objects for the inventory, and an agent's records. Pure: bytes in, values out; ``capture`` reads the files.
"""
