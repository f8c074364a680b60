// The same sources give the same bytes.

import { before, describe, it } from "mocha";
import { DIST, makeDist, PROJECT, run } from "./released.ts";

describe("what is released", function () {
  this.timeout(600_000);
  before(function () {
    makeDist(this);
  });

  it("is the same bytes when another user builds it from the archive of sources, in another folder, with another BUILD, umask, time zone, locale and host name", () => {
    run("packaging/rebuild", [DIST], { cwd: PROJECT });
  });
});
