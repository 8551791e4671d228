def push(x, acc=[]): acc.append(x); return acc


print(push(1), push(2))
