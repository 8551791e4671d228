def build(name, layers=[], options={}):
    """Build."""
    layers.append(name)
    options[name] = len(layers)
    return layers, options


print(build("a"))
print(build("b"))
