//! What an operation of `PyTorch` does with the memory of a tensor: leaves it alone, gives another way into it, writes to it.
//!
//! Source: "Tensor Views" and the API reference of `PyTorch` 2.x, checked against 1.13. What is in no list is unknown.

/// What an operation does with the memory of a tensor that it gets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Storage {
    /// It looks at the tensor; what it gives has memory of its own, or is a number or a text.
    Own,
    /// What it gives may be the tensor itself, or look at the same memory.
    Shared,
    /// It may change the tensor.
    Written,
    /// Nothing is known.
    Unknown,
}
use Storage::{Own, Shared, Unknown, Written};

/// What is both a function of `torch` and a method, and computes a new tensor, a tuple of new ones, or a Python value.
const COMPUTE: &[&str] = &[
    "abs",
    "acos",
    "add",
    "addcdiv",
    "addcmul",
    "all",
    "allclose",
    "amax",
    "amin",
    "any",
    "argmax",
    "argmin",
    "argsort",
    "asin",
    "atan",
    "atan2",
    "bincount",
    "bmm",
    "ceil",
    "clamp",
    "clip",
    "clone",
    "cos",
    "cosh",
    "count_nonzero",
    "cummax",
    "cummin",
    "cumprod",
    "cumsum",
    "dist",
    "div",
    "divide",
    "dot",
    "eq",
    "equal",
    "erf",
    "exp",
    "exp2",
    "expm1",
    "flip",
    "floor",
    "fmod",
    "frac",
    "gather",
    "ge",
    "ger",
    "gt",
    "index_add",
    "index_copy",
    "index_fill",
    "index_select",
    "inverse",
    "isclose",
    "isfinite",
    "isinf",
    "isnan",
    "kthvalue",
    "le",
    "lerp",
    "log",
    "log10",
    "log1p",
    "log2",
    "log_softmax",
    "logical_and",
    "logical_not",
    "logical_or",
    "logical_xor",
    "logit",
    "logsumexp",
    "lt",
    "masked_fill",
    "masked_scatter",
    "masked_select",
    "matmul",
    "max",
    "maximum",
    "mean",
    "median",
    "min",
    "minimum",
    "mm",
    "mode",
    "mul",
    "multiply",
    "mv",
    "nan_to_num",
    "nanmean",
    "nansum",
    "ne",
    "neg",
    "nonzero",
    "norm",
    "numel",
    "outer",
    "pow",
    "prod",
    "quantile",
    "reciprocal",
    "remainder",
    "repeat_interleave",
    "roll",
    "round",
    "rsqrt",
    "scatter",
    "scatter_add",
    "sigmoid",
    "sign",
    "sin",
    "sinh",
    "softmax",
    "sort",
    "sqrt",
    "square",
    "std",
    "sub",
    "subtract",
    "sum",
    "take",
    "tan",
    "tanh",
    "topk",
    "trace",
    "tril",
    "triu",
    "true_divide",
    "trunc",
    "unique",
    "var",
];

/// Functions of `torch` besides those, which compute as well.
const FUNCTIONS: &[&str] = &[
    "arange",
    "bucketize",
    "cat",
    "cdist",
    "concat",
    "empty",
    "empty_like",
    "eye",
    "full",
    "full_like",
    "hstack",
    "is_tensor",
    "linspace",
    "logspace",
    "multinomial",
    "normal",
    "ones",
    "ones_like",
    "rand",
    "rand_like",
    "randint",
    "randint_like",
    "randn",
    "randn_like",
    "randperm",
    "searchsorted",
    "stack",
    "tensor",
    "vstack",
    "where",
    "zeros",
    "zeros_like",
];

/// Methods besides those: they compute, or give a Python value.
const METHODS: &[&str] = &[
    "backward",
    "dim",
    "element_size",
    "get_device",
    "index_put",
    "int_repr",
    "is_complex",
    "is_contiguous",
    "is_floating_point",
    "is_signed",
    "item",
    "ndimension",
    "nelement",
    "new_empty",
    "new_full",
    "new_ones",
    "new_tensor",
    "new_zeros",
    "relu",
    "repeat",
    "size",
    "stride",
    "tolist",
    // What an array has and a tensor has not; `astype` copies unless it is told not to.
    "copy",
];

/// Methods and functions whose result may look at the same memory: views, and conversions that need not convert.
const SHARING: &[&str] = &[
    "bfloat16",
    "bool",
    "broadcast_to",
    "byte",
    "char",
    "chunk",
    "contiguous",
    "cpu",
    "cuda",
    "detach",
    "diagonal",
    "double",
    "dropout",
    "expand",
    "expand_as",
    "flatten",
    "float",
    "half",
    "int",
    "long",
    "movedim",
    "narrow",
    "numpy",
    "permute",
    "pin_memory",
    "ravel",
    "reshape",
    "reshape_as",
    "select",
    "short",
    "split",
    "squeeze",
    "swapaxes",
    "t",
    "tile",
    "to",
    "transpose",
    "type",
    "type_as",
    "unbind",
    "unfold",
    "unsqueeze",
    "view",
    "view_as",
];

/// Attributes that give something of the tensor and no way into it.
const ATTRIBUTES: &[&str] =
    &["device", "dtype", "is_cuda", "is_leaf", "is_sparse", "itemsize", "layout", "nbytes", "ndim", "requires_grad", "shape"];

/// What a method does with its receiver.
pub(super) fn method(name: &str) -> Storage {
    match name {
        _ if METHODS.contains(&name) || COMPUTE.binary_search(&name).is_ok() => Own,
        _ if SHARING.binary_search(&name).is_ok() => Shared,
        // `add_`, `requires_grad_`: not `__len__`.
        _ if name.ends_with('_') && !name.ends_with("__") => Written,
        "__setitem__" | "__iadd__" => Written,
        _ => Unknown,
    }
}

/// What a method of an array of `NumPy` does with it. Source: `numpy.ndarray`.
pub(super) fn array_method(name: &str) -> Storage {
    match name {
        "all" | "any" | "argmax" | "argmin" | "argsort" | "astype" | "copy" | "cumsum" | "dot" | "item" | "max" | "mean"
        | "min" | "nonzero" | "prod" | "std" | "sum" | "tobytes" | "tolist" | "var" => Own,
        // What is rounded already is given back.
        "flatten" | "ravel" | "reshape" | "round" | "squeeze" | "swapaxes" | "transpose" | "view" => Shared,
        "fill" | "itemset" | "partition" | "put" | "resize" | "sort" => Written,
        _ => Unknown,
    }
}

/// What a function of a library does with the tensors that it gets.
pub(super) fn function(name: &[&str]) -> Storage {
    match name {
        ["torch", name] if FUNCTIONS.binary_search(name).is_ok() || COMPUTE.binary_search(name).is_ok() => Own,
        ["torch", name] if SHARING.binary_search(name).is_ok() || ["as_tensor", "atleast_1d", "real"].contains(name) => Shared,
        ["torch", name] if name.ends_with('_') => Written,
        ["torch", "nn", "init", _] => Written,
        ["torch", "nn", "functional", name] => {
            let computes = name.ends_with("_loss")
                || [
                    "cross_entropy",
                    "binary_cross_entropy",
                    "binary_cross_entropy_with_logits",
                    "kl_div",
                    "softmax",
                    "log_softmax",
                    "sigmoid",
                    "tanh",
                    "gelu",
                    "softplus",
                    "logsigmoid",
                    "linear",
                    "conv1d",
                    "conv2d",
                    "conv3d",
                    "one_hot",
                    "normalize",
                    "layer_norm",
                    "cosine_similarity",
                    "pairwise_distance",
                    "scaled_dot_product_attention",
                ]
                .contains(name);
            if computes { Own } else { Unknown }
        }
        ["torch", "linalg", name] if LINALG.contains(name) => Own,
        ["torch", "special", name] if SPECIAL.contains(name) => Own,
        ["torch", "fft", name] if name.contains("fft") => Own,
        ["math", _] => Own,
        ["torch", "linalg", "diagonal"]
        | ["numpy", "asarray" | "ascontiguousarray" | "ravel" | "squeeze" | "transpose" | "reshape" | "round"] => Shared,
        ["numpy", name] if NUMPY.contains(name) => Own,
        ["builtins", name] if BUILTINS.contains(name) => Own,
        ["builtins", "reversed" | "iter"] => Shared,
        _ => Unknown,
    }
}

/// What a function does with a list of numbers that it gets.
pub(super) fn function_of_lists(name: &[&str]) -> Storage {
    match name {
        ["torch", "tensor"] | ["numpy", "array"] | ["builtins", "len" | "print" | "sum" | "str" | "repr" | "isinstance"] => Own,
        // The greatest of several lists is one of them.
        ["builtins", "reversed" | "list" | "tuple" | "min" | "max"] => Shared,
        _ => Unknown,
    }
}

/// Functions of `torch.linalg` that give new tensors.
const LINALG: &[&str] = &[
    "cholesky",
    "cond",
    "cross",
    "det",
    "eigh",
    "eigvalsh",
    "inv",
    "lstsq",
    "matmul",
    "matrix_norm",
    "matrix_power",
    "matrix_rank",
    "norm",
    "pinv",
    "qr",
    "slogdet",
    "solve",
    "svd",
    "svdvals",
    "vector_norm",
];

/// Functions of `torch.special` that give new tensors.
const SPECIAL: &[&str] = &[
    "digamma",
    "entr",
    "erf",
    "erfc",
    "erfinv",
    "exp2",
    "expit",
    "expm1",
    "gammaln",
    "log1p",
    "log_softmax",
    "logit",
    "logsumexp",
    "ndtr",
    "psi",
    "softmax",
    "xlogy",
];

/// Functions of `numpy` that give a new array or a number.
const NUMPY: &[&str] = &[
    "abs",
    "all",
    "allclose",
    "any",
    "arange",
    "argmax",
    "argmin",
    "argsort",
    "array",
    "ceil",
    "clip",
    "concatenate",
    "cos",
    "dot",
    "empty",
    "exp",
    "eye",
    "floor",
    "full",
    "isfinite",
    "isnan",
    "linspace",
    "log",
    "matmul",
    "max",
    "maximum",
    "mean",
    "median",
    "min",
    "minimum",
    "ones",
    "percentile",
    "prod",
    "sin",
    "sort",
    "sqrt",
    "stack",
    "std",
    "sum",
    "unique",
    "var",
    "where",
    "zeros",
];

/// Builtins that keep nothing of what they get and give no tensor of several numbers back.
const BUILTINS: &[&str] = &[
    "abs",
    "bool",
    "divmod",
    "float",
    "format",
    "hash",
    "id",
    "int",
    "isinstance",
    "issubclass",
    "len",
    "pow",
    "print",
    "range",
    "repr",
    "round",
    "str",
    "sum",
    "type",
];

/// What may be reached through an attribute of a tensor.
pub(super) fn attribute(name: &str) -> Storage {
    match name {
        "T" | "mT" | "H" | "mH" | "real" | "imag" | "data" => Shared,
        _ if ATTRIBUTES.contains(&name) => Own,
        _ => Unknown,
    }
}

#[cfg(test)]
mod tests;
