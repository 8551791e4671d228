//! Functions, methods and modules of `PyTorch` that give one dense tensor.
//!
//! Source: the documentation of `PyTorch` 2.x, checked against 1.13. What may give a tuple, a Python number, or a sparse
//! tensor is left out on purpose.

/// What is known of a result.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Gives {
    /// A tensor of this rank.
    Rank(u8),
    /// A tensor of the rank of its (first) argument.
    SameRank,
    /// A tensor of any rank.
    Tensor,
    /// A tensor of bools or integers, of the rank of its argument.
    Integral,
    /// Rank 0 if nothing but the tensor is given, else anything, even a tuple.
    Reduced,
    /// Rank 0 if nothing but the tensor is given, else some tensor.
    ReducedTensor,
    /// Like `ReducedTensor`, and a tensor of bools or integers.
    ReducedIntegral,
    /// Rank 0 unless `reduction=` (or its older forms) says otherwise.
    Loss,
    /// Rank by the shape that is given: `zeros(3)`.
    Shape,
    /// Rank by the value that is given: `tensor([1, 2])`.
    Value,
}
use super::Element;
use Gives::{Integral, Loss, Rank, Reduced, ReducedIntegral, ReducedTensor, SameRank, Shape, Tensor, Value};

/// What a function of `torch` or `torch.nn.functional` gives.
pub(super) fn function(name: &[&str]) -> Option<Gives> {
    let found = match name {
        ["torch", function] => return constructor(function).or_else(|| shared(function)).or_else(|| only_function(function)),
        ["torch", "nn", "functional", function] => match *function {
            _ if is_loss_function(function) => Loss,
            "relu" | "gelu" | "silu" | "elu" | "leaky_relu" | "selu" | "softplus" | "softmax" | "log_softmax" | "sigmoid"
            | "tanh" | "logsigmoid" | "dropout" | "hardswish" | "hardtanh" => SameRank,
            "linear"
            | "bilinear"
            | "conv1d"
            | "conv2d"
            | "conv3d"
            | "conv_transpose1d"
            | "conv_transpose2d"
            | "embedding"
            | "one_hot"
            | "pad"
            | "interpolate"
            | "normalize"
            | "layer_norm"
            | "batch_norm"
            | "group_norm"
            | "instance_norm"
            | "cosine_similarity"
            | "pairwise_distance"
            | "avg_pool1d"
            | "avg_pool2d"
            | "adaptive_avg_pool1d"
            | "adaptive_avg_pool2d"
            | "grid_sample"
            | "affine_grid"
            | "unfold"
            | "fold"
            | "pixel_shuffle"
            | "upsample"
            | "scaled_dot_product_attention"
            | "gumbel_softmax" => Tensor,
            _ => return None,
        },
        ["torch", "nn", "utils", "clip_grad_norm_"] => Rank(0),
        ["torch", "special" | "linalg", function] => match *function {
            "norm" | "vector_norm" | "det" | "inv" | "pinv" | "solve" | "expm1" | "log1p" | "expit" | "erf" => Tensor,
            _ => return None,
        },
        _ => return None,
    };
    Some(found)
}

fn only_function(name: &str) -> Option<Gives> {
    let single = [
        "cat",
        "concat",
        "stack",
        "hstack",
        "vstack",
        "where",
        "einsum",
        "bincount",
        "histc",
        "cdist",
        "outer",
        "bucketize",
        "searchsorted",
        "tensordot",
        "block_diag",
        "cartesian_prod",
        "kron",
        "addmm",
        "baddbmm",
        "maximum",
        "minimum",
    ];
    single.contains(&name).then_some(Tensor)
}

/// Whether the function makes a tensor on the host unless it is given a device.
fn constructor(function: &str) -> Option<Gives> {
    Some(match function {
        "zeros" | "ones" | "empty" | "rand" | "randn" => Shape,
        "arange" | "linspace" | "logspace" | "randperm" | "hann_window" | "hamming_window" => Rank(1),
        "eye" => Rank(2),
        "tensor" | "as_tensor" => Value,
        "full" | "randint" | "normal" | "multinomial" | "bernoulli" | "from_numpy" => Tensor,
        "zeros_like" | "ones_like" | "full_like" | "empty_like" | "rand_like" | "randn_like" | "randint_like" => SameRank,
        _ => return None,
    })
}

/// Whether a function of `torch` makes a tensor out of numbers, on the host unless it is told otherwise.
pub(super) fn is_maker(function: &str) -> bool {
    constructor(function).is_some_and(|gives| gives != SameRank)
}

/// What the elements of a result are by the name of the function or method alone, when no `dtype` is given.
pub(super) fn element(name: &str) -> Element {
    match name {
        "eq" | "ne" | "lt" | "le" | "gt" | "ge" | "isnan" | "isinf" | "isfinite" | "logical_and" | "logical_or"
        | "logical_not" | "logical_xor" | "any" | "all" | "bool" => Element::Bool,
        "argmax" | "argmin" | "count_nonzero" | "long" | "int" | "short" | "byte" | "randperm" | "randint" | "bincount"
        | "argsort" | "nonzero" | "searchsorted" | "bucketize" => Element::Integer,
        // What `mean` and the like give of complex numbers is complex; a loss is made of none.
        "mean" | "std" | "var" | "nanmean" | "logsumexp" | "softmax" | "log_softmax" | "float" | "double" | "half"
        | "bfloat16" | "sigmoid" | "rand" | "randn" | "cross_entropy" | "clip_grad_norm_" => Element::Float,
        _ => Element::Any,
    }
}

/// Whether the elements of a result are of the type of the tensor that the method is called on.
pub(super) fn keeps_element(name: &str) -> bool {
    [
        "clone",
        "detach",
        "cpu",
        "cuda",
        "contiguous",
        "flip",
        "abs",
        "view",
        "reshape",
        "flatten",
        "squeeze",
        "unsqueeze",
        "expand",
        "repeat",
        "permute",
        "transpose",
        "t",
        "gather",
        "index_select",
        "masked_select",
        "roll",
        "tile",
        "relu",
        "clamp",
        "view_as",
        "expand_as",
        "select",
        "narrow",
        "max",
        "min",
        "amax",
        "amin",
        "median",
    ]
    .contains(&name)
}

/// What a method gives when it is called on a tensor.
pub(super) fn method(name: &str) -> Option<Gives> {
    // `x.add_(y)` gives x.
    let plain = name.strip_suffix('_').filter(|plain| !plain.ends_with('_'));
    shared(name).or(match name {
        "to" | "cpu" | "cuda" | "float" | "double" | "half" | "bfloat16" | "detach" | "contiguous" | "requires_grad_"
        | "type_as" | "pin_memory" | "copy_" | "zero_" | "fill_" | "normal_" | "uniform_" | "random_" | "bernoulli_" => {
            Some(SameRank)
        }
        "long" | "int" | "short" | "bool" | "byte" => Some(Integral),
        "view" | "reshape" | "view_as" | "reshape_as" | "expand" | "expand_as" | "repeat" | "new_zeros" | "new_ones"
        | "new_full" | "new_tensor" | "new_empty" | "masked_scatter" | "index_put" | "unfold" | "mT" => Some(Tensor),
        _ => plain.and_then(shared).filter(|gives| matches!(gives, SameRank | Tensor)).map(|_| SameRank),
    })
}

/// What is both a function of `torch` and a method of tensors.
fn shared(name: &str) -> Option<Gives> {
    Some(match name {
        "abs" | "exp" | "exp2" | "log" | "log2" | "log10" | "log1p" | "expm1" | "sqrt" | "rsqrt" | "sin" | "cos" | "tan"
        | "asin" | "acos" | "atan" | "sinh" | "cosh" | "tanh" | "sigmoid" | "relu" | "softmax" | "log_softmax" | "clamp"
        | "clip" | "round" | "floor" | "ceil" | "trunc" | "frac" | "neg" | "sign" | "reciprocal" | "square" | "erf"
        | "nan_to_num" | "cumsum" | "cumprod" | "flip" | "roll" | "tril" | "triu" | "clone" | "argsort" | "logit"
        | "dropout" => SameRank,
        "add" | "sub" | "subtract" | "mul" | "multiply" | "div" | "divide" | "true_divide" | "pow" | "fmod" | "remainder"
        | "matmul" | "mm" | "bmm" | "mv" | "atan2" | "lerp" | "addcmul" | "addcdiv" | "flatten" | "reshape" | "permute"
        | "transpose" | "t" | "swapaxes" | "movedim" | "squeeze" | "unsqueeze" | "narrow" | "select" | "index_select"
        | "masked_select" | "masked_fill" | "gather" | "scatter" | "scatter_add" | "take" | "diag" | "diagonal" | "tile"
        | "repeat_interleave" | "broadcast_to" | "logsumexp" | "amax" | "amin" | "index_add" | "index_fill" | "index_copy"
        | "ger" => Tensor,
        "eq" | "ne" | "lt" | "le" | "gt" | "ge" | "isnan" | "isinf" | "isfinite" | "logical_and" | "logical_or"
        | "logical_not" | "logical_xor" => Integral,
        "dot" | "trace" | "dist" => Rank(0),
        "sum" | "mean" | "prod" | "std" | "var" | "norm" | "nansum" | "nanmean" => ReducedTensor,
        "argmax" | "argmin" | "count_nonzero" | "any" | "all" => ReducedIntegral,
        "max" | "min" | "median" => Reduced,
        _ => return None,
    })
}

/// Functions and methods that give two tensors when they are told a dimension; `topk` and the like always do.
pub(super) fn gives_pair(name: &str) -> bool {
    ["max", "min", "median", "mode", "topk", "sort", "kthvalue", "cummax", "cummin"].contains(&name)
}

fn is_loss_function(name: &str) -> bool {
    name.ends_with("_loss")
        || ["cross_entropy", "binary_cross_entropy", "binary_cross_entropy_with_logits", "kl_div"].contains(&name)
}

/// What calling an instance of a class of `torch.nn` gives.
pub(super) fn module(class: &str) -> Option<Gives> {
    Some(match class {
        // It gives a named tuple.
        "AdaptiveLogSoftmaxWithLoss" => return None,
        _ if class.ends_with("Loss") => Loss,
        "ReLU" | "GELU" | "SiLU" | "ELU" | "LeakyReLU" | "Sigmoid" | "Tanh" | "Softmax" | "LogSoftmax" | "Dropout"
        | "Identity" | "LayerNorm" | "BatchNorm1d" | "BatchNorm2d" | "Softplus" => SameRank,
        "Linear" | "Bilinear" | "Conv1d" | "Conv2d" | "Conv3d" | "ConvTranspose1d" | "ConvTranspose2d" | "Embedding"
        | "GroupNorm" | "InstanceNorm2d" | "Flatten" | "AvgPool2d" | "AdaptiveAvgPool1d" | "AdaptiveAvgPool2d"
        | "CosineSimilarity" | "PairwiseDistance" | "EmbeddingBag" | "Upsample" | "PixelShuffle" | "Unflatten" => Tensor,
        _ => return None,
    })
}
