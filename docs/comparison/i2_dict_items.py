cache = {"a": 0, "b": 1, "c": 0}
try:
    for key, hits in cache.items():
        if not hits:
            cache.pop(key)
except RuntimeError as error:
    print("RuntimeError:", error)
print(cache)
