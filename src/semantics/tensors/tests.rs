//! Texts, and what is known about expressions behind them.

use super::*;
use crate::engine::syntax::Tree;

/// Each expression, standing behind the code in the same block, and what it is: `T` Known, `T?` Likely, `-` unknown; then
/// the rank, `i` for integral, `!` for fresh.
#[track_caller]
fn tensors(code: &str, asked: &[(&str, &str)]) {
    let indent = code.lines().last().map_or(0, |line| line.len() - line.trim_start().len());
    let imports = "import torch\nimport numpy as np\nfrom torch import nn, Tensor\nimport torch.nn.functional as F\n";
    for (expression, expected) in asked {
        let tree = Tree::parse(&format!("{imports}{code}\n{}ask({expression})\n", &" ".repeat(indent)));
        assert_eq!(tree.errors().count(), 0, "{}", tree.code());
        let facts = Facts::new(&tree);
        let call = tree.root().descendants().rfind(|node| node.is("call") && node.text().starts_with("ask("));
        let asked = call.and_then(|call| call.child("arguments")).and_then(Node::only_child).expect("the question");
        let found = facts.tensor(asked).map_or("-".to_string(), |tensor| {
            let sure = if tensor.certainty == Known { "" } else { "?" };
            let rank = tensor.rank.map(|rank| rank.to_string()).unwrap_or_default();
            format!("T{sure}{rank}{}{}", if tensor.is_integral() { "i" } else { "" }, if tensor.fresh { "!" } else { "" })
        });
        assert_eq!(found, *expected, "{expression} after\n{code}");
    }
}

#[test]
fn functions_of_torch() {
    let asked = [
        ("torch.zeros(3)", "T1!"),
        ("torch.zeros((2, 3))", "T2!"),
        ("torch.zeros(shape)", "T!"),
        ("torch.tensor([1, 2])", "T1!"),
        ("torch.tensor(1.0)", "T0!"),
        ("torch.tensor(x)", "T!"),
        ("torch.linspace(0, 1, 5)", "T1!"),
        ("F.cross_entropy(a, b)", "T0!"),
        ("F.cross_entropy(a, b, reduction='none')", "T!"),
        ("F.nll_loss(a, b, reduction='sum')", "T0!"),
        ("torch.sum(x)", "T0!"),
        ("torch.sum(x, 1)", "T!"),
        ("torch.max(x)", "T0!"),
        ("torch.max(x, 1)", "-"),
        ("torch.max(x, 1)[1]", "-"),
        ("torch.max(torch.zeros(2, 2), 1)[1]", "Ti!"),
        ("torch.split(x, 2)", "-"),
        ("torch.load(x)", "-"),
        ("torch.numel(x)", "-"),
        ("torch.zeros(3, **kwargs)", "-"),
        ("np.zeros(3)", "-"),
        ("x", "-"),
        ("x.item()", "-"),
    ];
    tensors("", &asked);
}

#[test]
fn dicts_of_tensors() {
    let losses = "losses = {'a': F.l1_loss(x, y), 'b': F.mse_loss(x, y)}";
    tensors(losses, &[("losses['a']", "T0"), ("losses[k] + 1", "T0!"), ("losses", "-"), ("losses.get('a')", "-")]);
    tensors(&format!("{losses}\nfor k, v in losses.items():\n    pass"), &[("v", "T0"), ("k", "-")]);
    tensors(&format!("{losses}\nfor v in losses.values():\n    pass"), &[("v", "T0")]);
    tensors(&format!("{losses}\nfor v in losses:\n    pass"), &[("v", "-")]);
    tensors(&format!("{losses}\nlosses['c'] = 3.0"), &[("losses['a']", "-")]);
    tensors(&format!("{losses}\nlosses.update(others)"), &[("losses['a']", "-")]);
    tensors(&format!("{losses}\nshow(losses)"), &[("losses['a']", "T?0")]);
    tensors("d = {}\nd['a'] = torch.zeros(3)", &[("d['a']", "T1")]);
    tensors("d = {'a': torch.zeros(3), **others}", &[("d['a']", "-")]);
    tensors("d = {k: torch.zeros(3) for k in names}", &[("d['a']", "T1")]);
    tensors("def f(batch: dict[str, Tensor]):\n    pass", &[("batch['x']", "T")]);
    tensors("def f(batch: dict[str, Tensor]):\n    batch = g()", &[("batch['x']", "-")]);
}

#[test]
fn what_a_loss_has_taken() {
    tensors("def f(o, y, n):\n    F.nll_loss(o, y, n)", &[("o", "T"), ("y", "T"), ("n", "-"), ("o.argmax(1)", "Ti!")]);
    tensors("def f(b, g):\n    for x in b:\n        o = g(x)\n        F.mse_loss(o, x)", &[("o", "T"), ("x", "T")]);
    tensors("criterion = nn.MSELoss()\ndef f(o, y):\n    criterion(o, y)", &[("o", "T"), ("y", "T")]);
    tensors("def f(o, y, g):\n    F.mse_loss(o, y)\n    o = g(o)", &[("o", "-"), ("y", "T")]);
    tensors("def f(o, y):\n    for i in y:\n        F.mse_loss(o, y)\n    pass", &[("o", "-")]);
    tensors("def f(o, y):\n    try:\n        F.mse_loss(o, y)\n    except E:\n        pass\n    pass", &[("o", "-")]);
    tensors("def f(o, y, n):\n    F.triplet_margin_with_distance_loss(o, y, n)", &[("o", "-")]);
    tensors("def f(o, y):\n    F.mse_loss(o[0], y.x)", &[("o", "-"), ("y", "-")]);
    tensors("def f(o, y, c):\n    c or F.mse_loss(o, y)", &[("o", "-")]);
}

#[test]
fn methods_and_operators() {
    let asked = [
        ("t.sum()", "T0!"),
        ("t.sum(0)", "T1!"),
        ("t.mean(dim=1)", "T1!"),
        ("t.norm(2)", "T!"),
        ("t.item()", "-"),
        ("t.tolist()", "-"),
        ("t.shape", "-"),
        ("t.size(0)", "-"),
        ("t.view(-1)", "T1"),
        ("t.detach().cpu()", "T2"),
        ("t.numpy()", "-"),
        ("t.max(1)", "-"),
        ("t.max(1).values", "T"),
        ("t.argmax(1)", "T1i!"),
        ("t + 1", "T2!"),
        ("t * n", "T2!"),
        ("t * unknown", "T?!"),
        ("(t == t).sum()", "T0i!"),
        ("t.argmax(1).eq(y).sum()", "T0i!"),
        ("t[0]", "T1"),
        ("t[0, 1]", "T0"),
        ("t[i]", "T"),
        ("t[:2]", "T"),
        ("-t", "T2!"),
        ("t if c else t", "T2"),
        ("t if c else 1", "-"),
        ("unknown.detach()", "T?"),
        ("unknown.to(device)", "-"),
        ("unknown == other", "-"),
    ];
    tensors("t = torch.zeros(2, 3)\nn = len(t)", &asked);
}

#[test]
fn names() {
    tensors(
        "def f(x: torch.Tensor, y: Optional[Tensor], z: 'Tensor' = None, w=None, v: np.ndarray = None):\n    pass",
        &[("x", "T"), ("y", "T"), ("z", "T"), ("w", "-"), ("v", "-"), ("x.sum()", "T0!")],
    );
    tensors("x = 1\nx = torch.zeros(3)", &[("x", "T1")]);
    tensors("x = torch.zeros(3)\nx = 1", &[("x", "-")]);
    tensors("x = None\nif c:\n    x = torch.zeros(3)\ny = 1", &[("x", "T1")]);
    tensors("x = torch.zeros(3)\nif c:\n    x = np.zeros(3)\ny = 1", &[("x", "-")]);
    tensors("a, b = torch.zeros(3), 1", &[("a", "T1"), ("b", "-")]);
    tensors("_, p = torch.max(torch.zeros(3, 3), 1)", &[("p", "Ti")]);
    tensors("loss = f()\nloss.backward()", &[("loss", "T?")]);
    tensors("loss = 0\nfor x in y:\n    loss = loss + torch.zeros(3).sum()", &[("loss", "T?")]);
    tensors("for x in torch.zeros(3):\n    pass", &[("x", "T0")]);
    tensors("for i, x in enumerate(torch.zeros(3)):\n    pass", &[("x", "T0"), ("i", "-")]);
    tensors("for i, (x, y) in enumerate(loader):\n    x, y = x.to(device), y.cuda()\n    z = 1", &[("x", "T?"), ("y", "T?")]);
    tensors("for x in names:\n    pass", &[("x", "-")]);
}

#[test]
fn containers() {
    tensors("xs = []\nxs.append(torch.zeros(3))", &[("xs[0]", "T1"), ("xs[-1].sum()", "T0!"), ("xs[:1]", "-"), ("xs", "-")]);
    tensors("xs = []\nxs.append(torch.zeros(3))\nxs.append(1)", &[("xs[0]", "-")]);
    tensors("xs = [torch.zeros(3), torch.ones(2, 2)]\nother(xs)", &[("xs[0]", "T")]);
    tensors("xs = [torch.zeros(3)]\nys = xs", &[("xs[0]", "T?1")]);
    tensors("for x in [torch.zeros(3)]:\n    pass", &[("x", "T1")]);
    tensors(
        "def f(xs: list[torch.Tensor], ys: 'Tuple[Tensor, ...]', zs: list[int]):\n    pass",
        &[("xs[0]", "T"), ("ys[1]", "T"), ("zs[0]", "-")],
    );
}

#[test]
fn what_elements_are_and_where() {
    let elements = |code: &str, asked: &str| {
        let tree = Tree::parse(&format!("import torch\nimport torch.nn.functional as F\n{code}\nask({asked})\n"));
        let facts = Facts::new(&tree);
        let call = tree.root().descendants().rfind(|node| node.is("call") && node.text().starts_with("ask("));
        let asked = call.and_then(|call| call.child("arguments")).and_then(Node::only_child).expect("the question");
        facts.tensor(asked).map(|tensor| (tensor.element, tensor.on_host))
    };
    let (x, y) = ("x = torch.zeros(3, device=d)", "x = torch.zeros(3)");
    assert_eq!(elements(x, "x > 1"), Some((Element::Bool, false)));
    assert_eq!(elements(x, "(x > 1) & (x < 2)"), Some((Element::Bool, false)));
    assert_eq!(elements(x, "(x > 1).sum() * 2"), Some((Element::Integer, false)));
    assert_eq!(elements(x, "(x > 1).float()"), Some((Element::Float, false)));
    assert_eq!(elements(x, "x.argmax() / 2"), Some((Element::Float, false)));
    assert_eq!(elements(x, "F.l1_loss(x, x)"), Some((Element::Float, false)));
    assert_eq!(elements(x, "F.l1_loss(x, x, reduction='sum')"), Some((Element::Any, false)));
    assert_eq!(elements(x, "torch.max(x, 0)[1]"), Some((Element::Integer, false)));
    assert_eq!(elements(y, "x + 1"), Some((Element::Any, true)));
    assert_eq!(elements(y, "F.l1_loss(x, x)"), Some((Element::Float, true)));
    assert_eq!(elements(y, "x.to(d)"), Some((Element::Any, false)));
    assert_eq!(elements(x, "x.cpu().abs()").map(|found| found.1), Some(true));
    assert_eq!(elements(x, "x.to('cpu')").map(|found| found.1), Some(true));
}

#[test]
fn what_waits() {
    let waits = |line: &str| {
        let tree = Tree::parse(&format!("import torch, math\nt = torch.zeros(3, device=d)\nm = t > 0\n{line}\n"));
        let facts = Facts::new(&tree);
        let found = tree.root().descendants().find_map(|node| {
            facts.sync(node).map(|sync| format!("{:?}", sync.asks)).or_else(|| {
                let implied = facts.implicit_sync(node);
                implied.map(|implied| format!("{:?}", implied.2))
            })
        });
        found.unwrap_or_default()
    };
    for (line, expected) in [
        ("t.item()", "Item"),
        ("t.sum().item()", "Item"),
        ("float(t)", "Number"),
        ("t.cpu().numpy()", "Copy"),
        ("t.to('cpu')", "Copy"),
        ("t.to('cpu', non_blocking=True)", ""),
        ("t.to('cuda')", ""),
        ("t.tolist()", "List"),
        ("t.numpy()", ""),
        ("float('1')", ""),
        ("x.item()", ""),
        ("print(t)", "Text"),
        ("f'{t:.2f}'", "Text"),
        ("f'{t.shape}'", ""),
        ("'%d' % t", "Text"),
        ("'%d %d' % (1, t)", "Text"),
        ("t % 2", ""),
        ("t[m]", "Size"),
        ("t[m] = 0", ""),
        ("t[m].sum() + 1", "Size"),
        ("t[0]", ""),
        ("t.nonzero()", "Size"),
        ("torch.where(m, t, t)", ""),
        ("torch.where(m)", "Size"),
        ("max(1, t)", "Order"),
        ("max([t, t])", "Order"),
        ("max([1, 2])", ""),
        ("torch.maximum(t, t)", ""),
        ("range(t)", "Number"),
        ("math.isnan(t)", "Number"),
        ("torch.equal(t, t)", "Equality"),
    ] {
        assert_eq!(waits(line), expected, "{line}");
    }
}

#[test]
fn modules() {
    tensors("criterion = nn.CrossEntropyLoss()", &[("criterion(a, b)", "T0!")]);
    tensors("criterion = nn.CrossEntropyLoss(reduction='none').to(device)", &[("criterion(a, b)", "T")]);
    tensors("fc = nn.Linear(2, 3)", &[("fc(a)", "T")]);
    tensors("rnn = nn.LSTM(2, 3)", &[("rnn(a)", "T?")]);
    tensors(
        "class Net(nn.Module):\n    pass\nmodel = Net()\nmodel = model.to(device)",
        &[("model(a)", "T?"), ("model(a).loss", "T?")],
    );
    tensors("def f(model, x):\n    out = model(**x)\n    loss = out.loss", &[("loss", "T?"), ("out", "T?"), ("out.keys", "-")]);
    tensors(
        "class A:\n    def __init__(self):\n        self.loss = nn.MSELoss()\n        self.w = torch.zeros(3)\n    def f(self):\n        pass",
        &[("self.loss(a, b)", "T0!"), ("self.w", "T?1"), ("self.v", "-")],
    );
    tensors("import thing\nmodel = thing.load()", &[("model(a)", "T?"), ("model", "-")]);
}
