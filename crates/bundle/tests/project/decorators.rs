//! What decorators do, by the TC39 proposal as of November 2023.

use crate::support::{Folder, check};

#[test]
fn methods_getters_and_setters_are_replaced() {
    check(
        r#"
const seen: string[] = [];
function twice(value: Function, context: any) {
  seen.push(`${context.kind} ${String(context.name)} ${context.static} ${context.private}`);
  return function (this: any, ...args: any[]) { return value.apply(this, args) + value.apply(this, args); };
}
class A {
  @twice hello(name: string): string { return `hi ${name};`; }
  @twice static make() { return "made;"; }
  @twice get length() { return 21; }
  @((v: any, c: any) => { seen.push(c.kind); return function (this: any, x: number) { v.call(this, x * 2); }; })
  set size(x: number) { (this as any).got = x; }
  @twice ["com" + "puted"]() { return "c;"; }
}
const a = new A();
a.size = 4;
console.log(a.hello("x"), (A as any).make(), a.length, (a as any).got, (a as any).computed());
console.log(seen.join(", "));
console.log(Object.getOwnPropertyNames(A.prototype).join(), Object.getOwnPropertySymbols(A.prototype).length, A.name);
"#,
        "hi x;hi x; made;made; 42 8 c;c;
method make true false, method hello false false, getter length false false, setter, method computed false false
constructor,hello,length,size,computed 0 A",
    );
}

#[test]
fn fields_and_accessors_have_initializers() {
    check(
        r#"
const log: any[] = [];
const add = (n: number) => (_: unknown, c: any) => { log.push(`apply ${n}`); return (v: number) => { log.push(`init ${n}`); return v + n; }; };
const acc = ({ get, set }: any, c: any) => ({
  get(this: any) { return get.call(this) * 10; },
  set(this: any, v: number) { set.call(this, v + 1); },
  init(v: number) { return v + 5; },
});
class A {
  @add(1) @add(2) x = 10;
  @add(3) static y = 100;
  @acc accessor z: number = 1;
  accessor plain = "p";
  static accessor count = 7;
  @((_: any, c: any) => () => c.name) empty!: string;
  @((_: any, c: any) => {}) handler = () => 1;
}
const a = new A();
console.log(a.x, A.y, a.z, a.plain, A.count, a.empty, a.handler.name);
a.z = 1; a.plain = "q"; A.count++;
console.log(a.z, a.plain, A.count, Object.keys(a).join());
console.log(log.join(", "));
"#,
        "13 103 60 p 7 empty handler
20 q 8 x,empty,handler
apply 3, apply 2, apply 1, init 3, init 1, init 2",
    );
}

#[test]
fn private_elements_are_decorated() {
    check(
        r##"
let reach: any;
const double = (v: any, c: any) => { if (c.name === "#secret") reach = c.access; return function (this: any, ...a: any[]) { return v.apply(this, a) * 2; }; };
const init = (_: any, c: any) => (v: any) => `${c.name}:${v}`;
const acc = ({ get }: any) => ({ get(this: any) { return `<${get.call(this)}>`; } });
class P { base(n: number) { return n + 1; } }
class A extends P {
  @double #secret(n: number) { return super.base(n); }
  @double static #hidden() { return 4; }
  @double get #value() { return this.#secret(0); }
  @init #field = "f";
  @acc accessor #both = 1;
  run() { this.#both = 2; return [this.#secret(1), A.#hidden(), this.#value, this.#field, this.#both, (this.#secret as any).name].join(); }
}
const a = new A();
console.log(a.run(), reach.has(a), reach.has({}), reach.get(a).call(a, 2));
"##,
        "4,8,4,#field:f,<2>, true false 6",
    );
}

#[test]
fn classes_are_decorated_and_replaced() {
    check(
        r#"
const registry: string[] = [];
const register = (name: string) => (value: any, c: any) => {
  registry.push(`${name} ${c.kind} ${c.name}`);
  c.addInitializer(function (this: any) { registry.push(`ready ${typeof this} ${this.tag}`); });
};
const sub = (value: any, c: any) => class extends value { extra = 1; };
@register("outer")
@register("inner")
export class A {
  static tag = "t";
  static self = () => A;
  ping(): string { return "pong"; }
}
@sub class B { static me() { return B; } base = 0; }
const C = @register("expr") class { };
const D = @sub class Named { who() { return Named; } };
console.log(registry.join("; "));
console.log(A.name, A.self() === A, new A().ping(), new B().extra, B.me() === B, C.name, new D().who() === D);
"#,
        "inner class A; outer class A; ready function t; ready function t; expr class C; ready function undefined
A true pong 1 true C true",
    );
}

#[test]
fn everything_happens_in_the_proposals_order() {
    check(
        r#"
const log: string[] = [];
const d = (name: string) => { log.push(`eval ${name}`); return (_: any, c: any) => {
  log.push(`apply ${name}`);
  c.addInitializer(function (this: any) { log.push(`extra ${name}`); });
}; };
const key = (k: string) => { log.push(`key ${k}`); return k; };
@d("class")
class A extends (log.push("heritage"), Object) {
  @d("f") f = log.push("value f");
  @d("m") m() {}
  [key("k")] = log.push("value k");
  @d("sm") static sm() {}
  @d("sf") static sf = log.push("value sf");
  static { log.push("block"); }
  @d("a") accessor a = log.push("value a");
  constructor() { super(); log.push("body"); }
}
new A();
console.log(log.join("\n"));
"#,
        "eval class
heritage
eval f
eval m
key k
eval sm
eval sf
eval a
apply sm
apply m
apply a
apply sf
apply f
apply class
extra sm
value sf
extra sf
block
extra class
extra m
value f
extra f
value k
value a
extra a
body",
    );
}

#[test]
fn metadata_is_inherited_and_receivers_are_kept() {
    check(
        r#"
class Registry { names: string[] = []; add(_: any, c: any) { this.names.push(c.name); c.metadata[c.name] = true; } }
const registry = new Registry();
class A { @registry.add one() {} }
class B extends A { @registry.add two() {} @(registry.names, registry.add.bind(registry)) three() {} }
const meta = (c: any) => c[Symbol.metadata];
console.log(registry.names.join(), Object.keys(meta(B)).join(), meta(B).one, Object.getPrototypeOf(meta(A)));
const mixin = (Base: any) => class extends Base { @registry.add mixed() { return 1; } };
console.log(new (mixin(Object))().mixed(), mixin(Object) !== mixin(Object));
export default @registry.add class Main { @registry.add accessor ["dyn" + 1] = 5; }
"#,
        "one,two,three two,three true null
1 true",
    );
}

#[test]
fn lines_keep_their_numbers() {
    let source = "const d = (a: any) => (v: any, c: any) => {};\n\
        @d(\n  1\n)\nexport class A {\n  @d(2)\n  @d(3)\n  static\n  method() { throw new Error('x'); }\n\
        \n  @d(4) field =\n    1;\n}\nA.method();\n";
    let folder = Folder::worker("index.ts", &[("index.ts", source)]);
    let built = folder.build().unwrap_or_else(|error| panic!("{error}"));
    let code = crate::support::text(&built, "index.js");
    let line = code
        .lines()
        .position(|line| line.contains("new Error(\"x\")"))
        .map_or(0, |n| n + 1);
    let column = code
        .lines()
        .nth(line - 1)
        .and_then(|l| l.find("new Error"))
        .unwrap_or(0)
        + 1;
    let position = built
        .source_map
        .map_position("index.js", line as u32, column as u32)
        .expect("the throw has a place");
    assert_eq!((position.path.as_str(), position.line), ("index.ts", 9));
    assert_eq!(position.column, 20, "{position:?}\n{code}");
}

#[test]
fn legacy_decorators_are_typescripts_own() {
    let folder = Folder::worker(
        "index.ts",
        &[
            (
                "tsconfig.json",
                r#"{"compilerOptions":{"experimentalDecorators":true}}"#,
            ),
            (
                "index.ts",
                "const d = (target: any, name: string) => { console.log(typeof target, name); };\n\
                 class A { @d method() {} }\nnew A();\n",
            ),
        ],
    );
    let built = folder.build().unwrap_or_else(|error| panic!("{error}"));
    if let Some(output) = crate::support::run_in_node(&built) {
        assert_eq!(output.trim(), "object method");
    }
}

#[test]
fn parameter_decorators_are_refused_in_place() {
    let source = "const d = (v: any) => {};\nclass A { m(@d x: number) {} @d n() {} }\nnew A();\n";
    let folder = Folder::worker("index.ts", &[("index.ts", source)]);
    let error = folder.build_error();
    assert_eq!(error.message, "parameters cannot have standard decorators");
    assert_eq!((error.line, error.column), (Some(2), Some(13)));
    assert!(
        error
            .hint
            .is_some_and(|hint| hint.contains("experimentalDecorators"))
    );
}
