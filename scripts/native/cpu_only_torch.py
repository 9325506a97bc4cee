"""Replaces the CUDA libraries that a PyTorch wheel links by empty ones of the same names: enough to compute on the CPU."""
import collections, pathlib, re, subprocess, sys, tempfile

lib = pathlib.Path(sys.argv[1])
prefixes = {'cudnn': 'libcudnn', 'cuFile': 'libcufile', 'cusparseLt': 'libcusparseLt', 'cusparse': 'libcusparse', 'cufft': 'libcufft',
            'nccl': 'libnccl', 'pnccl': 'libnccl', 'cublasLt': 'libcublasLt', 'cublas': 'libcublas', 'nvrtc': 'libnvrtc',
            'cusolver': 'libcusolver', 'nvshmem': 'libnvshmem_host'}
run = lambda *a: subprocess.run(a, check=True, capture_output=True, text=True).stdout
needed, wanted = set(), collections.defaultdict(set)
for file in lib.glob('lib*.so'):
    needed.update(re.findall(r'NEEDED.*\[(.+?)\]', run('readelf', '-d', str(file))))
    for line in run('nm', '-D', '--undefined-only', str(file)).splitlines():
        name, _, version = line.split()[-1].partition('@')
        wanted[name].add(version.lstrip('@'))
for soname in needed:
    base = soname.split('.so')[0]
    if base not in prefixes.values() or (lib / soname).exists(): continue
    by_version = collections.defaultdict(list)
    for name, versions in wanted.items():
        for version in versions:
            owner = next((v for k, v in prefixes.items() if name.startswith(k)), None)
            if version == soname or (version not in needed and owner == base): by_version[version or ''].append(name)
    with tempfile.TemporaryDirectory() as folder:
        c, script = pathlib.Path(folder, 'x.c'), pathlib.Path(folder, 'x.map')
        names = sorted({n for ns in by_version.values() for n in ns})
        c.write_text('void abort(void);\n' + ''.join(f'void {n}(void) {{ abort(); }}\n' for n in names) or 'int x;')
        script.write_text(''.join(f'{v} {{ global: {"; ".join(ns)}; }};\n' for v, ns in by_version.items() if v))
        extra = [f'-Wl,--version-script={script}'] if any(by_version) else []
        subprocess.run(['gcc', '-shared', '-fPIC', '-w', f'-Wl,-soname,{soname}', *extra, '-o', str(lib / soname), str(c)], check=True)
    print(soname, len(names), sorted(by_version))
