"""What the build looks for stands in the list of packages, and the list holds nothing else."""

import re

LISTS = ("deploy/packages.txt", "deploy/packages-bench.txt", "deploy/packages-check.txt")

# Name that CMake or a script looks for: the Debian packages that provide it. An empty tuple is what
# every Debian has, or what other names bring along.
PROVIDERS = {
    # find_package
    "Threads": ("build-essential",),
    "absl": ("libabsl-dev",),
    "Protobuf": ("libprotobuf-dev", "protobuf-compiler"),
    "gRPC": ("libgrpc++-dev", "protobuf-compiler-grpc"),
    "RocksDB": ("librocksdb-dev",),
    "OpenSSL": ("libssl-dev",),
    "Boost": ("libboost1.81-dev",),
    "EXPAT": ("libexpat1-dev",),
    "ZLIB": ("zlib1g-dev",),
    "CLI11": ("libcli11-dev",),
    "yaml-cpp": ("libyaml-cpp-dev",),
    "PkgConfig": ("pkg-config", "libzip-dev", "prometheus-cpp-dev"),
    "GTest": ("libgtest-dev", "libgmock-dev"),
    "benchmark": ("libbenchmark-dev",),
    "dlib": ("libdlib-dev",),
    "Python3": ("python3",),
    "Credence": (),
    # find_library
    "jemalloc": ("libjemalloc-dev",),
    # find_program
    "ccache": ("ccache",),
    "ld.lld": ("lld",),
    "protoc": ("protobuf-compiler",),
    "grpc_cpp_plugin": ("protobuf-compiler-grpc",),
    "python3": ("python3",),
    "node": ("nodejs",),
    "npm": ("npm",),
    "chromium": ("chromium",),
    "etcd": ("etcd-server",),
    # commands
    "cmake": ("cmake",),
    "ctest": ("cmake",),
    "ninja": ("ninja-build",),
    "clang-format-14": ("clang-format-14",),
    "clang-tidy-14": ("clang-tidy-14",),
    "clang++-14": ("clang-14",),
}

# Listed without a name that anything looks for.
UNNAMED = {
    "curl",
    "build-essential",
    "ca-certificates",
    "pkg-config",
    "golang-github-masterminds-sprig-dev",
    "golang-go",
    "golang-k8s-sigs-yaml-dev",
    "lintian",
    "man-db",
    "mypy",
    "openssl",
    "prometheus",
    "python3-cryptography",
    "python3-grpcio",
    "python3-jsonschema",
    "python3-numpy",
    "python3-pandas",
    "python3-protobuf",
    "python3-setuptools",
    "python3-wheel",
    "python3-yaml",
}

COMMANDS = re.compile(
    r"(?<![\w./-])(cmake|ctest|ninja|python3|clang\+\+-14|clang-format-14|clang-tidy-14)(?![\w.-])")
FINDS = re.compile(r"find_(?:package|program|library)\(\s*(?:CREDENCE_\w+\s+|[A-Z_]+\s+(?!REQUIRED)(?=[\w.-]+))?([\w.+-]+)")


def read_list(tree, path):
    """Yields (package, reason) of one list."""
    for line in tree.texts[path].splitlines():
        name, _, reason = line.partition("#")
        if name.strip():
            yield name.strip().partition("|")[0], reason.strip()


def wanted_names(tree):
    """Yields (path, name) of all that is looked for or run."""
    for path, text in tree.select("CMakeLists.txt", ".cmake"):
        code = re.sub(r"#[^\n]*", "", text)
        for name in FINDS.findall(code):
            yield path, name
    for path, text in tree.select("Makefile", ".sh", "tests/tidy/analysis.py"):
        for name in COMMANDS.findall(re.sub(r"(?m)#.*$", "", text)):
            yield path, name


def check(tree):
    listed = {}
    for path in LISTS:
        for name, reason in read_list(tree, path):
            if not reason:
                yield f"{path}: {name} has no reason"
            if name in listed:
                yield f"{path}: {name} is listed twice"
            listed[name] = path
    used = set(UNNAMED)
    for path, name in sorted(set(wanted_names(tree))):
        if name not in PROVIDERS:
            yield f"{path}: looks for {name}; tests/tidy/packages.py does not say what provides it"
            continue
        for package in PROVIDERS[name]:
            used.add(package)
            if package not in listed:
                yield f"{path}: looks for {name}, but {package} is in no list of packages"
    for name, path in listed.items():
        if name not in used:
            yield f"{path}: nothing looks for {name}"
    for path, text in tree.select("Makefile", ".sh", ".py", ".cmake", "CMakeLists.txt"):
        if path != "deploy/install-packages.sh" and re.search(r"\bapt(-get)? inst[a]ll\b", text):
            yield f"{path}: installs packages; deploy/install-packages.sh is the one place for it"
