class Model:
    BASE = "relu"

    def layers(self, names=[BASE]):
        return list(names)


print(Model().layers())
