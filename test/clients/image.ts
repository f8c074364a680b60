// The image that all clients run: our busybox root file system as an OCI image archive, made without any client's help.

import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { sharedRootfs } from "../system/bundle.ts";
import { eventually } from "../system/harness.ts";

export const IMAGE = "localhost/busybox:latest";

const ARCHITECTURE = process.arch === "x64" ? "amd64" : process.arch;

/** Takes away what podman stores; conmon's own clean-up may still write there, and rmSync does not look again at what it has emptied. */
export function removeStore(store: string): void {
  eventually("what podman stores is gone", () => {
    try {
      rmSync(store, { recursive: true, force: true });
      return true;
    } catch {
      return false;
    }
  });
}

/** Packs the root file system as a plain tar. */
export function rootfsArchive(directory: string): string {
  const file = join(directory, "rootfs.tar");
  execFileSync("tar", ["-C", sharedRootfs(), "--numeric-owner", "-cf", file, "."]);
  return file;
}

/** Writes `image.tar`, an OCI image layout of one layer. @see image-layout.md of the image specification */
export function imageArchive(directory: string): string {
  const layout = join(directory, "layout");
  mkdirSync(join(layout, "blobs/sha256"), { recursive: true });
  const blob = (content: string | Buffer): { readonly digest: string; readonly size: number } => {
    const bytes = Buffer.from(content);
    const digest = createHash("sha256").update(bytes).digest("hex");
    writeFileSync(join(layout, "blobs/sha256", digest), bytes);
    return { digest: `sha256:${digest}`, size: bytes.length };
  };
  const layer = blob(readFileSync(rootfsArchive(directory)));
  const config = blob(
    JSON.stringify({
      architecture: ARCHITECTURE,
      os: "linux",
      config: { Env: ["PATH=/bin:/sbin:/usr/bin:/usr/sbin"], Cmd: ["sh"] },
      rootfs: { type: "layers", diff_ids: [layer.digest] },
    }),
  );
  const manifest = blob(
    JSON.stringify({
      schemaVersion: 2,
      mediaType: "application/vnd.oci.image.manifest.v1+json",
      config: { mediaType: "application/vnd.oci.image.config.v1+json", ...config },
      layers: [{ mediaType: "application/vnd.oci.image.layer.v1.tar", ...layer }],
    }),
  );
  writeFileSync(join(layout, "oci-layout"), JSON.stringify({ imageLayoutVersion: "1.0.0" }));
  writeFileSync(
    join(layout, "index.json"),
    JSON.stringify({
      schemaVersion: 2,
      manifests: [
        {
          mediaType: "application/vnd.oci.image.manifest.v1+json",
          ...manifest,
          annotations: { "io.containerd.image.name": IMAGE, "org.opencontainers.image.ref.name": "latest" },
        },
      ],
    }),
  );
  const file = join(directory, "image.tar");
  execFileSync("tar", ["-C", layout, "-cf", file, "."]);
  return file;
}
