#!/usr/bin/env python3
"""Write what a build holds: an SBOM (CycloneDX 1.5) and the licences of all dependencies.

    packaging/release/bill.py OUT_DIR [TARGET [FEATURES]]

makes OUT_DIR/chattts-rs.cdx.json and OUT_DIR/THIRD-PARTY.txt of the default features and those. It asks `cargo metadata`, and fails
where a package has neither a licence's text nor Apache-2.0 as a choice. The same commit gives the same bytes.
"""
import datetime, hashlib, json, os, pathlib, re, subprocess, sys, uuid

ROOT = pathlib.Path(__file__).resolve().parents[2]
TEXTS = re.compile(r"(licen[cs]e|copying|copyright|notice|unlicense)", re.IGNORECASE)
# What is in the tree under licences of its own; the README tells of ChatTTS's statistics.
OWN = ["src/service/grpc/proto/riva/LICENSE", "src/backend/weights/demo/CARD.md"]


def metadata(target, features):
    command = ["cargo", "metadata", "--locked", "--format-version", "1", "--filter-platform", target, "--features", features]
    return json.loads(subprocess.run(command, cwd=ROOT, check=True, stdout=subprocess.PIPE).stdout)


def linked(found):
    """Returns the packages that end in the program and the library, without what only builds and tests use."""
    nodes = {node["id"]: node for node in found["resolve"]["nodes"]}
    packages = {package["id"]: package for package in found["packages"]}
    graph, todo = {}, list(found["workspace_default_members"])
    while todo:
        here = todo.pop()
        if here not in graph:
            needs = [need["pkg"] for need in nodes[here]["deps"] if any(k["kind"] is None for k in need["dep_kinds"])]
            graph[here] = sorted(set(needs))
            todo += needs
    return {key: packages[key] for key in graph}, graph


def texts(package):
    folder = pathlib.Path(package["manifest_path"]).parent
    named = [folder / package["license_file"]] if package["license_file"] else []
    found = {path for path in folder.iterdir() if path.is_file() and TEXTS.match(path.name)} | set(named)
    return [path.read_text(errors="replace").strip() for path in sorted(found)]


def licences(packages):
    """Returns one text that holds each licence's once, under the packages that have it."""
    by_home, holders, missing = {}, {}, []
    for package in packages:
        if found := texts(package):
            by_home.setdefault((package["repository"] or "").removesuffix(".git"), found)
    for package in packages:
        # Packages of one repository share its licence, and some leave it out.
        found = texts(package) or by_home.get((package["repository"] or "").removesuffix(".git"))
        if not found and "Apache-2.0" in package["license"]:
            found = [(ROOT / "LICENSE").read_text().strip()]
        if not found:
            missing.append(f"{package['name']} {package['version']} ({package['license']})")
        for text in found or []:
            holders.setdefault(text, []).append(f"{package['name']} {package['version']} ({package['license']})")
    if missing:
        sys.exit("no licence's text for " + ", ".join(missing))
    for path in OWN:
        holders.setdefault((ROOT / path).read_text().strip(), []).append(f"{path} of this repository")
    rule = "=" * 100
    parts = [
        "What chattts-rs is linked with, and the licences of it. Its own is in LICENSE, what it holds of ChatTTS in README.md.\n"
        "The compilers add the standard library of Rust (MIT OR Apache-2.0) and LLVM's libunwind and compiler-rt (Apache-2.0\n"
        "WITH LLVM-exception)."
    ]
    for text, names in sorted(holders.items(), key=lambda pair: pair[1]):
        parts.append("\n".join([rule, *names, "", text]))
    return "\n\n".join(parts) + "\n"


def sbom(packages, graph, target, features):
    def reference(key):
        package = packages[key]
        if package["source"] is None:
            return f"{package['name']}@{package['version']}"
        return f"pkg:cargo/{package['name']}@{package['version']}"

    sums = {}
    lock = (ROOT / "Cargo.lock").read_text()
    for name, version, digest in re.findall(r'name = "(.+)"\nversion = "(.+)"\nsource = ".+"\nchecksum = "(.+)"', lock):
        sums[name, version] = digest

    def component(key):
        package = packages[key]
        made = {
            "type": "application" if package["name"] == "chattts-rs" else "library",
            "bom-ref": reference(key),
            "name": package["name"],
            "version": package["version"],
            "licenses": [{"expression": re.sub(r" ?/ ?", " OR ", package["license"])}],
        }
        if package["description"]:
            made["description"] = " ".join(package["description"].split())
        if package["source"]:
            made["purl"] = reference(key)
            made["hashes"] = [{"alg": "SHA-256", "content": sums[package["name"], package["version"]]}]
        return made

    order = sorted(packages, key=reference)
    main = next(key for key in order if packages[key]["name"] == "chattts-rs")
    made = {
        "bomFormat": "CycloneDX",
        "specVersion": "1.5",
        "version": 1,
        "metadata": {
            "component": component(main),
            "properties": [{"name": "target", "value": target}, {"name": "features", "value": f"default,{features}".strip(",")}],
        },
        "components": [component(key) for key in order if key != main],
        "dependencies": [
            {"ref": reference(key), "dependsOn": sorted(map(reference, graph[key]))} for key in order
        ],
    }
    if time := os.environ.get("SOURCE_DATE_EPOCH"):
        moment = datetime.datetime.fromtimestamp(int(time), datetime.timezone.utc)
        made["metadata"]["timestamp"] = moment.strftime("%Y-%m-%dT%H:%M:%SZ")
    digest = hashlib.sha256(json.dumps(made, sort_keys=True).encode()).digest()
    made["serialNumber"] = f"urn:uuid:{uuid.UUID(bytes=digest[:16], version=4)}"
    return json.dumps(made, indent=1, sort_keys=True) + "\n"


def main():
    if len(sys.argv) not in (2, 3, 4) or sys.argv[1].startswith("-"):
        sys.exit(__doc__)
    out = pathlib.Path(sys.argv[1])
    target = sys.argv[2] if len(sys.argv) >= 3 else "x86_64-unknown-linux-gnu"
    features = sys.argv[3] if len(sys.argv) == 4 else ""
    packages, graph = linked(metadata(target, features))
    (out / "THIRD-PARTY.txt").write_text(licences([packages[key] for key in sorted(packages) if packages[key]["source"]]))
    (out / "chattts-rs.cdx.json").write_text(sbom(packages, graph, target, features))
    print(f"{len(packages)} packages")


if __name__ == "__main__":
    main()
