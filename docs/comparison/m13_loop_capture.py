callbacks = []
for i in range(3):
    def report(acc=[i]):
        return acc
    callbacks.append(report)

print([f() for f in callbacks])
