//! Which calls open something that must be closed, and which functions use a handle up. Each row says where that is
//! documented.
//!
//! Dotted names are those of the object; imports and aliases are followed before a name is looked up. Sources are the
//! pages of the library named in the row; "Python" is docs.python.org.

/// What kind of thing a call opens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Family {
    /// A file opened by its path: the handle matters to nobody else.
    File,
    /// A container of files, opened by its path: what comes out of it may need it later.
    Archive,
    /// A temporary file: closing it may remove it.
    Temporary,
    /// A socket, a response.
    Connection,
    /// A connection to a database: a `with` of its own ends a transaction, and does not close it.
    Database,
    /// A container of arrays: each is read when it is asked for, and does not need it any more.
    Arrays,
    /// An image of which only the header has been read.
    Image,
}

impl Family {
    /// Whether it is a file, a container of files or a socket, and not what a library makes of one.
    pub fn is_file(self) -> bool {
        !matches!(self, Self::Database | Self::Arrays | Self::Image)
    }
}

/// A call that opens something: its dotted name, its family, and where it says that the object is a context manager that
/// closes itself on exit.
pub(super) type Row = (&'static str, Family, &'static str);

/// Calls whose result closes itself at the end of a `with`, and enters it as itself; a database needs `closing` for that.
pub(super) const OPENERS: &[Row] = &[
    ("builtins.open", Family::File, "Python: Built-in Functions, open"),
    ("io.open", Family::File, "Python: io, io.open is an alias of open"),
    ("codecs.open", Family::File, "Python: codecs, StreamReaderWriter"),
    ("gzip.open", Family::File, "Python: gzip, GzipFile supports the with statement"),
    ("bz2.open", Family::File, "Python: bz2, BZ2File supports the with statement"),
    ("lzma.open", Family::File, "Python: lzma, LZMAFile supports the with statement"),
    ("gzip.GzipFile", Family::File, "Python: gzip"),
    ("bz2.BZ2File", Family::File, "Python: bz2"),
    ("lzma.LZMAFile", Family::File, "Python: lzma"),
    ("tokenize.open", Family::File, "Python: tokenize, opens with io.TextIOWrapper"),
    ("fileinput.input", Family::File, "Python: fileinput, FileInput is a context manager"),
    ("fileinput.FileInput", Family::File, "Python: fileinput"),
    ("tensorflow.io.gfile.GFile", Family::File, "TensorFlow: tf.io.gfile.GFile, __exit__"),
    ("tensorflow.gfile.GFile", Family::File, "TensorFlow 1: tf.gfile.GFile, __exit__"),
    ("tensorflow.gfile.Open", Family::File, "TensorFlow 1: tf.gfile.Open is GFile"),
    ("tensorflow.compat.v1.gfile.GFile", Family::File, "TensorFlow: tf.compat.v1.gfile.GFile, __exit__"),
    ("tarfile.open", Family::Archive, "Python: tarfile, TarFile in a with statement"),
    ("zipfile.ZipFile", Family::Archive, "Python: zipfile, ZipFile is a context manager"),
    ("wave.open", Family::Archive, "Python: wave, Wave_read and Wave_write in a with statement"),
    ("shelve.open", Family::Archive, "Python: shelve, Shelf is a context manager"),
    ("dbm.open", Family::Archive, "Python: dbm, the objects support the with statement"),
    ("h5py.File", Family::Archive, "h5py: File Objects, closing files"),
    ("tempfile.NamedTemporaryFile", Family::Temporary, "Python: tempfile"),
    ("tempfile.TemporaryFile", Family::Temporary, "Python: tempfile"),
    ("tempfile.SpooledTemporaryFile", Family::Temporary, "Python: tempfile"),
    ("socket.socket", Family::Connection, "Python: socket, exiting the context manager closes"),
    ("socket.create_connection", Family::Connection, "Python: socket"),
    ("urllib.request.urlopen", Family::Connection, "Python: urllib.request, the response is a context manager"),
    ("sqlite3.connect", Family::Database, "Python: sqlite3, How to use the connection context manager: it is not closed"),
    ("numpy.load", Family::Arrays, "NumPy: numpy.load, an .npz gives an NpzFile, which must be closed"),
    ("PIL.Image.open", Family::Image, "Pillow: File Handling in Pillow, Image lifecycle"),
];

/// What is no file and yet has an end that can be forgotten.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Held {
    /// A profiler: its `with` calls the first of these methods, and at the end the second. It is read after that.
    Profiler(&'static str, &'static str),
    /// Runs what is submitted to it. Its `with` ends with `shutdown(wait=True)`.
    Executor,
    /// Worker processes. Their `with` ends with `terminate()`, which waits for nothing.
    Pool,
    /// A child process. Its `with` waits for its end.
    Process,
    /// A directory that is removed. Its `with` enters the name, which is a text.
    Directory,
    /// A file that is still to be opened. Its `with` enters another object, the open file.
    Remote,
}

/// Calls that make such a thing, and where it says what their `with` does.
pub(super) const HELD: &[(&str, Held, &str)] = &[
    ("cProfile.Profile", Held::Profiler("enable", "disable"), "Python: profile, Profile is a context manager since 3.8"),
    ("torch.profiler.profile", Held::Profiler("start", "stop"), "PyTorch: torch/profiler/profiler.py, profile.__enter__"),
    ("torch.autograd.profiler.profile", Held::Profiler("__enter__", "__exit__"), "PyTorch: it has no other methods for that"),
    ("concurrent.futures.ThreadPoolExecutor", Held::Executor, "Python: concurrent.futures, Executor.shutdown"),
    ("concurrent.futures.ProcessPoolExecutor", Held::Executor, "Python: concurrent.futures, Executor.shutdown"),
    ("concurrent.futures.thread.ThreadPoolExecutor", Held::Executor, "Python: concurrent.futures"),
    ("concurrent.futures.process.ProcessPoolExecutor", Held::Executor, "Python: concurrent.futures"),
    ("multiprocessing.Pool", Held::Pool, "Python: multiprocessing, Pool.__exit__ calls terminate"),
    ("multiprocessing.pool.Pool", Held::Pool, "Python: multiprocessing"),
    ("multiprocessing.pool.ThreadPool", Held::Pool, "Python: multiprocessing"),
    ("multiprocessing.dummy.Pool", Held::Pool, "Python: multiprocessing"),
    ("torch.multiprocessing.Pool", Held::Pool, "PyTorch: torch.multiprocessing has the functions of multiprocessing"),
    ("subprocess.Popen", Held::Process, "Python: subprocess, on exit the process is waited for"),
    ("tempfile.TemporaryDirectory", Held::Directory, "Python: tempfile, the target of `as` is the name"),
    ("fsspec.open", Held::Remote, "fsspec: OpenFile, the with gives the file that it opens"),
];

/// Classes whose `open` method opens a file.
pub(super) const PATHS: &[&str] = &["pathlib.Path", "pathlib.PosixPath", "pathlib.WindowsPath"];

/// What a function does with a handle that it gets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Appetite {
    /// It has read or written everything when it returns, and its result does not need the handle.
    Eager,
    /// Its result reads from the handle, or writes to it, later.
    Lazy,
    /// Its result owns the handle, or holds bytes back that it writes when it is closed.
    Wraps,
    /// The handle is registered with somebody who uses it after the call, or put into a container.
    Keeps,
    /// It reads everything from what reads from a handle (an array from a dataset), and keeps the handle itself.
    Materializes,
}

/// What known functions do with a handle, and where that is documented.
pub(super) const CONSUMERS: &[(&str, Appetite, &str)] = &[
    // Builtins (Python: Built-in Functions).
    ("builtins.all", Appetite::Eager, "Python"),
    ("builtins.any", Appetite::Eager, "Python"),
    ("builtins.bool", Appetite::Eager, "Python"),
    ("builtins.callable", Appetite::Eager, "Python"),
    ("builtins.dict", Appetite::Eager, "Python"),
    ("builtins.enumerate", Appetite::Lazy, "Python"),
    ("builtins.filter", Appetite::Lazy, "Python"),
    ("builtins.frozenset", Appetite::Eager, "Python"),
    ("builtins.hasattr", Appetite::Eager, "Python"),
    ("builtins.id", Appetite::Eager, "Python"),
    ("builtins.isinstance", Appetite::Eager, "Python"),
    ("builtins.iter", Appetite::Lazy, "Python"),
    ("builtins.list", Appetite::Eager, "Python"),
    ("builtins.map", Appetite::Lazy, "Python"),
    ("builtins.max", Appetite::Eager, "Python"),
    ("builtins.min", Appetite::Eager, "Python"),
    ("builtins.next", Appetite::Eager, "Python"),
    ("builtins.print", Appetite::Eager, "Python"),
    ("builtins.repr", Appetite::Eager, "Python"),
    ("builtins.set", Appetite::Eager, "Python"),
    ("builtins.sorted", Appetite::Eager, "Python"),
    ("builtins.str", Appetite::Eager, "Python"),
    ("builtins.sum", Appetite::Eager, "Python"),
    ("builtins.tuple", Appetite::Eager, "Python"),
    ("builtins.type", Appetite::Eager, "Python"),
    ("builtins.zip", Appetite::Lazy, "Python"),
    // Standard library.
    ("collections.Counter", Appetite::Eager, "Python: collections"),
    ("collections.OrderedDict", Appetite::Eager, "Python: collections"),
    ("collections.deque", Appetite::Eager, "Python: collections"),
    ("csv.DictReader", Appetite::Lazy, "Python: csv, rows are read when they are asked for"),
    ("csv.DictWriter", Appetite::Lazy, "Python: csv, rows are written when they are given"),
    ("csv.reader", Appetite::Lazy, "Python: csv"),
    ("csv.writer", Appetite::Lazy, "Python: csv"),
    ("email.message_from_binary_file", Appetite::Eager, "Python: email.parser"),
    ("email.message_from_file", Appetite::Eager, "Python: email.parser"),
    ("faulthandler.enable", Appetite::Keeps, "Python: faulthandler, the file must be kept open"),
    ("fcntl.flock", Appetite::Keeps, "Python: fcntl, the lock lives as long as the descriptor"),
    ("fcntl.lockf", Appetite::Keeps, "Python: fcntl"),
    ("msvcrt.locking", Appetite::Keeps, "Python: msvcrt"),
    ("mmap.mmap", Appetite::Keeps, "Python: mmap"),
    ("functools.partial", Appetite::Keeps, "Python: functools"),
    ("functools.reduce", Appetite::Eager, "Python: functools"),
    ("gzip.GzipFile", Appetite::Wraps, "Python: gzip, fileobj is not closed by it"),
    ("hashlib.file_digest", Appetite::Eager, "Python: hashlib"),
    ("io.BufferedReader", Appetite::Wraps, "Python: io"),
    ("io.BufferedWriter", Appetite::Wraps, "Python: io"),
    ("io.TextIOWrapper", Appetite::Wraps, "Python: io, its buffer is written when it is closed"),
    ("itertools.chain", Appetite::Lazy, "Python: itertools"),
    ("itertools.dropwhile", Appetite::Lazy, "Python: itertools"),
    ("itertools.filterfalse", Appetite::Lazy, "Python: itertools"),
    ("itertools.groupby", Appetite::Lazy, "Python: itertools"),
    ("itertools.islice", Appetite::Lazy, "Python: itertools"),
    ("itertools.starmap", Appetite::Lazy, "Python: itertools"),
    ("itertools.takewhile", Appetite::Lazy, "Python: itertools"),
    ("itertools.tee", Appetite::Lazy, "Python: itertools"),
    ("itertools.zip_longest", Appetite::Lazy, "Python: itertools"),
    ("json.dump", Appetite::Eager, "Python: json"),
    ("json.load", Appetite::Eager, "Python: json, calls read() once"),
    ("logging.StreamHandler", Appetite::Keeps, "Python: logging.handlers"),
    ("marshal.dump", Appetite::Eager, "Python: marshal"),
    ("marshal.load", Appetite::Eager, "Python: marshal"),
    ("pickle.Pickler", Appetite::Lazy, "Python: pickle"),
    ("pickle.Unpickler", Appetite::Lazy, "Python: pickle"),
    ("pickle.dump", Appetite::Eager, "Python: pickle"),
    ("pickle.load", Appetite::Eager, "Python: pickle"),
    ("plistlib.dump", Appetite::Eager, "Python: plistlib"),
    ("plistlib.load", Appetite::Eager, "Python: plistlib"),
    ("shutil.copyfileobj", Appetite::Eager, "Python: shutil"),
    ("subprocess.Popen", Appetite::Keeps, "Python: subprocess, the child has the descriptor"),
    ("subprocess.call", Appetite::Eager, "Python: subprocess, waits for the child"),
    ("subprocess.check_call", Appetite::Eager, "Python: subprocess"),
    ("subprocess.check_output", Appetite::Eager, "Python: subprocess"),
    ("subprocess.run", Appetite::Eager, "Python: subprocess"),
    ("threading.Thread", Appetite::Keeps, "Python: threading, runs later"),
    ("threading.Timer", Appetite::Keeps, "Python: threading, runs later"),
    ("multiprocessing.Process", Appetite::Keeps, "Python: multiprocessing, runs later"),
    ("tarfile.open", Appetite::Wraps, "Python: tarfile, fileobj"),
    ("tomllib.load", Appetite::Eager, "Python: tomllib"),
    ("xml.dom.minidom.parse", Appetite::Eager, "Python: xml.dom.minidom"),
    ("xml.etree.ElementTree.iterparse", Appetite::Lazy, "Python: xml.etree.ElementTree"),
    ("xml.etree.ElementTree.parse", Appetite::Eager, "Python: xml.etree.ElementTree"),
    ("zipfile.ZipFile", Appetite::Wraps, "Python: zipfile"),
    // Libraries.
    ("PIL.Image.open", Appetite::Lazy, "Pillow: Image.open, the data is read on first use"),
    ("PIL.ImageOps.exif_transpose", Appetite::Eager, "Pillow: ImageOps.exif_transpose, else a copy is returned"),
    ("cPickle.dump", Appetite::Eager, "Python 2: pickle"),
    ("cPickle.load", Appetite::Eager, "Python 2: pickle"),
    ("cloudpickle.dump", Appetite::Eager, "cloudpickle: as pickle"),
    ("cloudpickle.load", Appetite::Eager, "cloudpickle: as pickle"),
    ("dill.dump", Appetite::Eager, "dill: as pickle"),
    ("dill.load", Appetite::Eager, "dill: as pickle"),
    ("ijson.basic_parse", Appetite::Lazy, "ijson: reads while it is iterated"),
    ("ijson.items", Appetite::Lazy, "ijson: reads while it is iterated"),
    ("ijson.kvitems", Appetite::Lazy, "ijson: reads while it is iterated"),
    ("ijson.parse", Appetite::Lazy, "ijson: reads while it is iterated"),
    ("joblib.dump", Appetite::Eager, "joblib: Persistence"),
    ("lxml.etree.iterparse", Appetite::Lazy, "lxml: iterparse"),
    ("lxml.etree.parse", Appetite::Eager, "lxml: parsing"),
    ("msgpack.dump", Appetite::Eager, "msgpack: pack"),
    ("msgpack.load", Appetite::Eager, "msgpack: unpack"),
    ("msgpack.pack", Appetite::Eager, "msgpack: pack"),
    ("msgpack.unpack", Appetite::Eager, "msgpack: unpack"),
    ("numpy.array", Appetite::Materializes, "NumPy: numpy.array copies a dataset"),
    ("numpy.asarray", Appetite::Materializes, "h5py: Dataset.__array__ reads the whole dataset"),
    ("numpy.fromfile", Appetite::Eager, "NumPy: numpy.fromfile"),
    ("numpy.genfromtxt", Appetite::Eager, "NumPy: numpy.genfromtxt"),
    ("numpy.load", Appetite::Lazy, "NumPy: numpy.load, an .npz is read when its arrays are asked for"),
    ("numpy.loadtxt", Appetite::Eager, "NumPy: numpy.loadtxt"),
    ("numpy.save", Appetite::Eager, "NumPy: numpy.save"),
    ("numpy.savetxt", Appetite::Eager, "NumPy: numpy.savetxt"),
    ("numpy.savez", Appetite::Eager, "NumPy: numpy.savez"),
    ("numpy.savez_compressed", Appetite::Eager, "NumPy: numpy.savez_compressed"),
    ("pandas.read_csv", Appetite::Eager, "pandas: read_csv, unless chunksize or iterator is given"),
    ("pandas.read_json", Appetite::Eager, "pandas: read_json, unless chunksize is given"),
    ("pandas.read_pickle", Appetite::Eager, "pandas: read_pickle"),
    ("pandas.read_sql", Appetite::Eager, "pandas: read_sql, unless chunksize is given"),
    ("pandas.read_sql_query", Appetite::Eager, "pandas: read_sql_query, unless chunksize is given"),
    ("pandas.read_sql_table", Appetite::Eager, "pandas: read_sql_table, unless chunksize is given"),
    ("pandas.read_table", Appetite::Eager, "pandas: read_table, unless chunksize or iterator is given"),
    ("ruamel.yaml.load", Appetite::Eager, "ruamel.yaml"),
    ("simplejson.dump", Appetite::Eager, "simplejson: as json"),
    ("simplejson.load", Appetite::Eager, "simplejson: as json"),
    ("toml.dump", Appetite::Eager, "toml"),
    ("toml.load", Appetite::Eager, "toml"),
    ("tomli.load", Appetite::Eager, "tomli: as tomllib"),
    ("torch.load", Appetite::Eager, "PyTorch: torch.load, mmap needs a path"),
    ("torch.save", Appetite::Eager, "PyTorch: torch.save"),
    ("torchvision.transforms.functional.pil_to_tensor", Appetite::Eager, "torchvision: it copies the pixels"),
    ("torchvision.transforms.functional.to_tensor", Appetite::Eager, "torchvision: it copies the pixels"),
    ("tqdm.auto.tqdm", Appetite::Lazy, "tqdm"),
    ("tqdm.tqdm", Appetite::Lazy, "tqdm"),
    ("tqdm.trange", Appetite::Lazy, "tqdm"),
    ("ujson.dump", Appetite::Eager, "ujson: as json"),
    ("ujson.load", Appetite::Eager, "ujson: as json"),
    ("yaml.dump", Appetite::Eager, "PyYAML"),
    ("yaml.dump_all", Appetite::Eager, "PyYAML"),
    ("yaml.full_load", Appetite::Eager, "PyYAML"),
    ("yaml.load", Appetite::Eager, "PyYAML, one document is read whole"),
    ("yaml.load_all", Appetite::Lazy, "PyYAML, documents are read one by one"),
    ("yaml.safe_dump", Appetite::Eager, "PyYAML"),
    ("yaml.safe_load", Appetite::Eager, "PyYAML"),
    ("yaml.safe_load_all", Appetite::Lazy, "PyYAML"),
    ("yaml.unsafe_load", Appetite::Eager, "PyYAML"),
];

/// Keywords with which an eager function becomes a lazy one (`chunksize` of pandas, `mmap_mode` of numpy).
pub(super) const LAZY_KEYWORDS: &[&str] = &["chunksize", "iterator", "mmap_mode", "mmap", "memory_map"];

/// What a handle is, as far as its methods go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Sort {
    /// A file, a response, a member of an archive.
    Stream,
    Tar,
    Zip,
    Wave,
    /// `shelve`, `dbm`.
    Store,
    Hdf,
    Socket,
    /// A connection to a database.
    Database,
    /// An `.npz`.
    Arrays,
    Image,
    /// What reads from a handle or writes to one: `csv.reader(f)`, `io.TextIOWrapper(f)`, a cursor, and whatever nothing is known of.
    Reader,
}

/// What an opener of this name opens.
pub(super) fn sort(opener: &str) -> Sort {
    match opener {
        "tarfile.open" => Sort::Tar,
        "zipfile.ZipFile" => Sort::Zip,
        "wave.open" => Sort::Wave,
        "shelve.open" | "dbm.open" => Sort::Store,
        "h5py.File" => Sort::Hdf,
        name if name.starts_with("socket.") => Sort::Socket,
        "sqlite3.connect" => Sort::Database,
        "numpy.load" => Sort::Arrays,
        "PIL.Image.open" => Sort::Image,
        _ => Sort::Stream,
    }
}

/// Methods that have done their work when they return, and whose result needs the handle no more.
pub(super) fn is_eager_method(sort: Sort, method: &str) -> bool {
    // Python: io, IOBase and its heirs; codecs, StreamReader.reset; TensorFlow: GFile.size, next.
    const STREAM: &[&str] = &[
        "close",
        "flush",
        "getcode",
        "geturl",
        "isatty",
        "next",
        "peek",
        "read",
        "read1",
        "readable",
        "readall",
        "readinto",
        "readinto1",
        "readline",
        "readlines",
        "reset",
        "seek",
        "seekable",
        "size",
        "tell",
        "truncate",
        "writable",
        "write",
        "writelines",
        "__next__",
    ];
    // Python: csv, Writer Objects.
    const WRITER: &[&str] = &["writeheader", "writerow", "writerows"];
    // Python: tarfile, TarFile Objects. `extractfile` and `list` are not here: one reads later, the other is rare.
    const TAR: &[&str] =
        &["add", "addfile", "close", "extract", "extractall", "getmember", "getmembers", "getnames", "gettarinfo", "next"];
    // Python: zipfile, ZipFile Objects.
    const ZIP: &[&str] = &[
        "close",
        "extract",
        "extractall",
        "getinfo",
        "infolist",
        "mkdir",
        "namelist",
        "printdir",
        "read",
        "setpassword",
        "testzip",
        "write",
        "writestr",
    ];
    // Python: wave, Wave_read and Wave_write Objects.
    const WAVE: &[&str] = &[
        "close",
        "getcompname",
        "getcomptype",
        "getframerate",
        "getnchannels",
        "getnframes",
        "getparams",
        "getsampwidth",
        "readframes",
        "rewind",
        "setcomptype",
        "setframerate",
        "setnchannels",
        "setnframes",
        "setparams",
        "setpos",
        "setsampwidth",
        "tell",
        "writeframes",
        "writeframesraw",
    ];
    // Python: sqlite3, Cursor objects.
    const CURSOR: &[&str] = &["fetchall", "fetchmany", "fetchone"];
    // Pillow: The Image Class. `getdata` and `getexif` are not here: what they give may be read later.
    const IMAGE: &[&str] = &[
        "_getexif",
        "close",
        "convert",
        "copy",
        "crop",
        "filter",
        "getbands",
        "getbbox",
        "getcolors",
        "getextrema",
        "getpalette",
        "getpixel",
        "histogram",
        "load",
        "quantize",
        "reduce",
        "resize",
        "rotate",
        "save",
        "seek",
        "show",
        "split",
        "tell",
        "thumbnail",
        "tobytes",
        "transpose",
        "verify",
    ];
    let tables: &[&[&str]] = match sort {
        Sort::Stream => &[STREAM],
        Sort::Tar => &[TAR],
        Sort::Zip => &[ZIP],
        Sort::Wave => &[WAVE],
        // `keys()` is a view that asks the file later.
        Sort::Store => &[&["close", "sync"]],
        Sort::Hdf => &[&["close", "flush"]],
        Sort::Socket => &[&[
            "bind",
            "close",
            "connect",
            "connect_ex",
            "listen",
            "recv",
            "send",
            "sendall",
            "setblocking",
            "setsockopt",
            "settimeout",
            "shutdown",
        ]],
        Sort::Database => &[&["close", "commit", "rollback"]],
        // `keys()` goes over names that were read when it was opened.
        Sort::Arrays => &[&["close", "keys"]],
        Sort::Image => &[IMAGE],
        Sort::Reader => &[STREAM, WRITER, CURSOR],
    };
    tables.iter().any(|table| table.contains(&method))
}

/// Attributes of handles that are plain values (Python: io, csv, zipfile, sqlite3; `NumPy`: `NpzFile`).
pub(super) const PLAIN_ATTRIBUTES: &[&str] = &[
    "closed",
    "encoding",
    "errors",
    "fieldnames",
    "line_num",
    "mode",
    "name",
    "newlines",
    "filename",
    "files",
    "comment",
    "description",
    "in_transaction",
    "lastrowid",
    "rowcount",
    "total_changes",
];

/// Attributes of images that are known from the header (Pillow: The Image Class, Image Attributes).
pub(super) const IMAGE_ATTRIBUTES: &[&str] = &["format", "height", "info", "is_animated", "mode", "n_frames", "size", "width"];

/// Names of variables that are files rather than their paths.
pub(super) const NAMES_OF_FILES: &[&str] = &[
    "b",
    "buf",
    "buffer",
    "bytes",
    "bytes_io",
    "content",
    "data",
    "f",
    "fd",
    "fh",
    "file",
    "file_obj",
    "fileobj",
    "fin",
    "fp",
    "handle",
    "io",
    "img_bytes",
    "image_bytes",
    "raw",
    "response",
    "stream",
    "tmp",
    "value",
];

/// Methods of texts and containers that go over their argument at once: `"".join(f)`, `rows.extend(f)`.
pub(super) const EAGER_RECEIVERS: &[&str] = &["extend", "join", "update"];

/// Methods of configuration parsers that do so (Python: configparser).
pub(super) const PARSER_METHODS: &[&str] = &["read_file", "readfp"];

/// Classes of configuration parsers.
pub(super) const PARSERS: &[&str] = &[
    "ConfigParser.ConfigParser",
    "ConfigParser.RawConfigParser",
    "ConfigParser.SafeConfigParser",
    "configparser.ConfigParser",
    "configparser.RawConfigParser",
    "configparser.SafeConfigParser",
    "six.moves.configparser.ConfigParser",
    "six.moves.configparser.RawConfigParser",
];

/// Methods of any receiver that put their argument somewhere (`files.append(f)`), or hand it to code that runs later
/// (Python: concurrent.futures, asyncio, multiprocessing.pool, unittest; Twisted: Deferred, `IReactorTime`).
pub(super) const KEEPING_RECEIVERS: &[&str] = &[
    "add_done_callback",
    "addBoth",
    "addCallback",
    "addCallbacks",
    "addCleanup",
    "addErrback",
    "addHandler",
    "append",
    "appendleft",
    "apply_async",
    "callLater",
    "call_at",
    "call_later",
    "call_soon",
    "call_soon_threadsafe",
    "insert",
    "map_async",
    "put",
    "put_nowait",
    "register",
    "run_in_executor",
    "setdefault",
    "submit",
];
