import inspect


def register(function):
    defaults = {k: p.default for k, p in inspect.signature(function).parameters.items()}
    function.config = defaults
    return function


@register
def unet(channels=[320, 640]):
    return sum(channels)


print(unet(), unet.config)
