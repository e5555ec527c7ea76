"""What NetworkPolicies do to a flow, by the words of the API: pure functions on frozen values.

``reading`` makes policies of documents, ``evaluate`` judges flows with them. Quoted sentences are those of
k8s.io/api/networking/v1 (types.go) and of the Kubernetes documentation, "Network Policies".
"""
