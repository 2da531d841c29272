// Runs one file of unittest tests on MicroPython's WebAssembly build: `wasm.mjs PACKAGE FILE SHARED FOLDER...`, in the checkout.
//
// The build sees no disk: the folders, and the real inputs in SHARED where there are any, are copied to its memory first. Its AES
// comes from Node, by tests/vm/wasm/cryptolib.py. Exit code 0: some ran, none failed.
import { createCipheriv } from "node:crypto";
import { existsSync, readdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";

const [packageFolder, file, shared, ...folders] = process.argv.slice(2);
const { loadMicroPython } = await import(join(packageFolder, "micropython.mjs"));
const vm = await loadMicroPython({ stdout: (line) => console.log(line) });

function carry(from, to) {
    if (!statSync(from).isDirectory()) {
        vm.FS.writeFile(to, readFileSync(from));
        return;
    }
    vm.FS.mkdirTree(to);
    for (const name of readdirSync(from)) {
        if (name !== "__pycache__") {
            carry(join(from, name), to + "/" + name);
        }
    }
}
for (const folder of folders) {
    carry(folder, "/" + folder);
}
for (const inputs of ["meters", "field"]) {
    if (existsSync(join(shared, inputs))) {
        carry(join(shared, inputs), "/shared/data/" + inputs);
    }
}

vm.registerJsModule("node_aes", {
    encrypt(cipher, key, iv, data) {
        const aes = createCipheriv(cipher, Buffer.from(key, "hex"), iv === "" ? null : Buffer.from(iv, "hex"));
        aes.setAutoPadding(false);
        return aes.update(data, "hex", "hex");
    },
});
const [, folder, name] = file.match(/^(.*)\/(.*)\.py$/);
vm.runPython(`
import sys
sys.path[:] = ["/${folder}", "/tests/vm/wasm", "/tests/vm", "/firmware/lib", "/", ".frozen"]
import unittest
good = unittest.run(__import__("${name}"))
`);
process.exit(vm.globals.get("good") ? 0 : 1);
