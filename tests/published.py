"""What providers publish, in their own formats: a few blocks of each, and what they are to be read as."""

import json

AWS = {
    "syncToken": "1790000000",
    "createDate": "2026-09-24-10-00-00",
    "prefixes": [
        {"ip_prefix": "3.5.140.0/22", "region": "ap-northeast-2", "service": service, "network_border_group": "x"}
        for service in ("AMAZON", "S3", "EC2")
    ]
    + [
        {"ip_prefix": "15.230.39.0/24", "region": "us-east-1", "service": "AMAZON", "network_border_group": "us-east-1"}
    ],
    "ipv6_prefixes": [
        {"ipv6_prefix": "2600:1f14::/35", "region": "us-west-2", "service": "EC2", "network_border_group": "us-west-2"}
    ],
}
GCP = {
    "syncToken": "1",
    "creationTime": "2026-06-01T00:00:00.000000",
    "prefixes": [
        {"ipv4Prefix": "34.44.0.0/15", "service": "Google Cloud", "scope": "us-central1"},
        {"ipv6Prefix": "2600:1900:8000::/44", "service": "Google Cloud", "scope": "us-central1"},
        {"ipv4Prefix": "8.8.8.0/24"},
    ],
}


def tag(name, region, *blocks):
    service = name.partition(".")[0]
    properties = {"changeNumber": 9, "region": region, "regionId": 0, "platform": "Azure", "systemService": service}
    return {"name": name, "id": name, "properties": properties | {"addressPrefixes": list(blocks)}}


AZURE = {
    "changeNumber": 329,
    "cloud": "Public",
    "values": [
        tag("AzureCloud", "", "13.66.60.119/32", "20.38.98.0/24", "4.156.0.0/15"),
        tag("AzureCloud.westeurope", "westeurope", "20.38.98.0/24"),
        tag("ActionGroup", "", "13.66.60.119/32"),
        tag("Storage", "", "20.38.98.0/24"),
        tag("Storage.WestEurope", "westeurope", "20.38.98.0/24"),
        tag("AzureCloud.eastus", "eastus", "4.156.0.0/15"),
    ],
}
GITHUB = {
    "verifiable_password_authentication": False,
    "ssh_key_fingerprints": {"SHA256_RSA": "uNiVztksCsDhcc0u9e8BgrJXVGDnjy"},
    "ssh_keys": ["ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIOMqqnkVzrm0SdG6UOoqKLsabgH5C9okWi0dh2l9GKJl"],
    "hooks": ["192.30.252.0/22", "2a0a:a440::/29"],
    "web": ["192.30.252.0/22"],
    "importer": ["54.80.154.161"],
    "domains": {"website": ["*.github.com"]},
}
CLOUDFLARE = {
    "result": {"ipv4_cidrs": ["173.245.48.0/20"], "ipv6_cidrs": ["2400:cb00::/32"], "etag": "38f79d05"},
    "success": True,
    "errors": [],
    "messages": [],
}
PUBLISHED = {
    "aws": (
        json.dumps(AWS),
        {
            "3.5.140.0/22": "EC2 ap-northeast-2, S3 ap-northeast-2",
            "15.230.39.0/24": "AMAZON us-east-1",
            "2600:1f14::/35": "EC2 us-west-2",
        },
    ),
    "gcp": (
        json.dumps(GCP),
        {
            "34.44.0.0/15": "Google Cloud us-central1",
            "2600:1900:8000::/44": "Google Cloud us-central1",
            "8.8.8.0/24": "Google",
        },
    ),
    "azure": (
        json.dumps(AZURE),
        {
            "13.66.60.119/32": "ActionGroup",
            "20.38.98.0/24": "Storage.WestEurope",
            "4.156.0.0/15": "AzureCloud.eastus",
        },
    ),
    "github": (
        json.dumps(GITHUB),
        {"192.30.252.0/22": "hooks, web", "2a0a:a440::/29": "hooks", "54.80.154.161/32": "importer"},
    ),
    "cloudflare": (json.dumps(CLOUDFLARE), {"173.245.48.0/20": "cloudflare", "2400:cb00::/32": "cloudflare"}),
    "text": (
        "# ours\n192.0.2.0/24  # office Berlin\r\n\n2001:db8::/32\n",
        {"192.0.2.0/24": "office Berlin", "2001:db8::/32": ""},
    ),
}
