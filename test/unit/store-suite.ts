// What every store does, whatever lies below it: a folder, memory, a bucket.
import { expect, test } from "vitest";
import type { Store, SwappingStore } from "../../shared/storage/store.ts";

const bytesOf = (text: string) => new TextEncoder().encode(text);
const textIn = async (store: Store, path: string) => new TextDecoder().decode(await store.read(path));

/** `open` opens the same empty place each time it is called with the same name, as another process would. */
export function conforms(kind: string, open: (name: string) => Store | Promise<Store>): void {
  test(`${kind}: what was put is read, whole, and put again it is another`, async () => {
    const store = await open("put");
    await store.put("log/a.json", bytesOf("one"));
    expect(await textIn(await open("put"), "log/a.json")).toBe("one");
    await store.put("log/a.json", bytesOf("another"));
    expect(await textIn(await open("put"), "log/a.json")).toBe("another");
    await store.put("empty", new Uint8Array(0));
    expect(await store.read("empty")).toHaveLength(0);
    await store.put("part of 1 & 2=3+4%.parquet", bytesOf("odd"));
    expect(await textIn(store, "part of 1 & 2=3+4%.parquet")).toBe("odd");
  });

  test(`${kind}: what is not there is told so, with its whole name`, async () => {
    const store = await open("absent");
    await expect(store.read("log/7.json")).rejects.toMatchObject({ code: "FILE_MISSING" });
    await expect(store.read("log/7.json")).rejects.toThrow("log/7.json");
    await store.remove("log/7.json");
    expect(await store.list("log")).toEqual([]);
  });

  test(`${kind}: of all who put a name that is free one does, and the others change nothing`, async () => {
    const stores = await Promise.all(Array.from({ length: 6 }, () => open("race")));
    for (const name of ["log/0.json", "log/1.json"]) {
      const got = await Promise.all(stores.map((store, k) => store.putIfAbsent(name, bytesOf(`writer ${k}`))));
      expect(got.filter((each) => each)).toHaveLength(1);
      expect(await textIn(stores[0]!, name)).toBe(`writer ${got.indexOf(true)}`);
      expect(await stores[0]!.putIfAbsent(name, bytesOf("later"))).toBe(false);
    }
    await stores[0]!.mustBeFit();
    expect(await stores[0]!.list("log")).toEqual(["0.json", "1.json"]);
    // a folder of a folder may be told, too
    expect((await stores[0]!.leftovers(".")).filter(({ path }) => path !== "log")).toEqual([]);
  });

  test(`${kind}: a folder's names come sorted, and go when removed`, async () => {
    const store = await open("list");
    const names = Array.from({ length: 9 }, (_, k) => `${String(9 - k).padStart(20, "0")}.json`);
    for (const name of names) await store.put(`log/${name}`, bytesOf(name));
    for (const path of ["log2/x", "top"]) await store.put(path, bytesOf(path));
    expect(await store.list("log")).toEqual(names.toSorted());
    await store.remove(`log/${names[0]}`);
    expect(await store.list("log")).toEqual(names.slice(1).toSorted());
    const left = await store.leftovers("log");
    expect(left.map(({ path }) => path).sort()).toEqual(
      names
        .slice(1)
        .map((name) => `log/${name}`)
        .toSorted(),
    );
    expect(left.every(({ modifiedAt }) => Number.isFinite(modifiedAt))).toBe(true);
    expect((await store.leftovers(".")).map(({ path }) => path)).toContain("top");
  });
}

/** What a store does that keeps pointers without a lock. */
export function swaps(kind: string, open: (name: string) => SwappingStore | Promise<SwappingStore>): void {
  test(`${kind}: a pointer is moved by who has seen where it stands, and by one of many who have`, async () => {
    const stores = await Promise.all(Array.from({ length: 4 }, () => open("swap")));
    const [store] = stores as [SwappingStore];
    expect(await store.find("current")).toBeNull();
    expect(await store.swap("current", bytesOf("v1"), '"of nothing"')).toBe(false);
    const move = (from: string | null) =>
      Promise.all(stores.map((each, k) => each.swap("current", bytesOf(`${from} ${k}`), from)));
    let tag: string | null = null;
    for (let step = 0; step < 3; step++) {
      const moved = await move(tag);
      expect(moved.filter((each) => each)).toHaveLength(1);
      const found = (await (await open("swap")).find("current"))!;
      expect(new TextDecoder().decode(found.bytes)).toBe(`${tag} ${moved.indexOf(true)}`);
      expect(await store.swap("current", bytesOf("late"), tag)).toBe(false);
      tag = found.tag;
    }
  });
}
