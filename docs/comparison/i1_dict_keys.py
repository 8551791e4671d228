def prune(cache: dict):
    for key in cache:
        if cache[key] is None:
            del cache[key]
    return cache


try:
    print(prune({"a": None, "b": 1, "c": None}))
except RuntimeError as error:
    print("RuntimeError:", error)
