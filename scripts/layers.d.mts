export declare function check(src: string): { readonly files: number; readonly violations: readonly string[] };
