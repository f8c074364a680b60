type Made = { readonly heap: Buffer; readonly base: bigint };
export declare function layOut(
  made: Made,
  again: Made,
  isHot: (name: string | undefined) => boolean,
  spread?: boolean,
  kernelPage?: number,
): { readonly heap: Buffer; readonly hot: number; readonly blocks: readonly { readonly at: number }[] };
