settings = {"a": 1, "b": 2}
for key, value in settings.items():
    settings.update({key: value * 2})
print(settings)
