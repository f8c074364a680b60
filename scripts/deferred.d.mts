export declare function deferredImports(text: string): readonly { readonly name: string; readonly specifier: string }[];
export declare function withoutDeferral(text: string): string;
export declare function withLoads(text: string, moduleOf: (specifier: string) => string): string;
