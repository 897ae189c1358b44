"""What a machine costs by the hour today, from Azure's public price list; it needs no account.

The list: https://learn.microsoft.com/rest/api/cost-management/retail-prices/azure-retail-prices
"""

import requests

LIST = "https://prices.azure.com/api/retail/prices"
CALCULATOR = "https://azure.microsoft.com/pricing/details/machine-learning/"
TIMEOUT_S = 10.0


def hourly(size: str, location: str, low_priority: bool = False) -> float | None:
    """US dollars for an hour of one Linux machine, or None where the list does not say.

    size: as in compute.yaml, like Standard_F8s_v2. location: like westeurope.
    """
    terms = {"armSkuName": size, "armRegionName": location, "priceType": "Consumption"}
    terms["serviceName"] = "Virtual Machines"
    wanted = " and ".join(f"{name} eq '{value}'" for name, value in terms.items())
    try:
        answer = requests.get(LIST, params={"$filter": wanted}, timeout=TIMEOUT_S)
        answer.raise_for_status()
        items = answer.json()["Items"]
    except (requests.RequestException, KeyError):
        return None
    fitting = [
        item["retailPrice"]
        for item in items
        if "Windows" not in item["productName"]
        and "Spot" not in item["skuName"]
        and ("Low Priority" in item["skuName"]) == low_priority
    ]
    return min(fitting, default=None)


def sentence(size: str, location: str, low_priority: bool = False) -> str:
    """The price for people: "0.39 USD an hour (Standard_F8s_v2 in westeurope)"."""
    price = hourly(size, location, low_priority)
    machine = f"{size}{', low priority,' if low_priority else ''} in {location}"
    if price is None:
        return f"price not known here ({machine}): {CALCULATOR}"
    return f"{price:.3g} USD an hour ({machine})"
