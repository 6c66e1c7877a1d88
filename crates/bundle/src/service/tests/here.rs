//! What is transformed in the process of who asks.

use serde_json::json;

use super::super::here::most_nesting;
use super::*;

/// Less than what the main thread of an isolate has beside JavaScript.
const STACK_BYTES: usize = 6 * 1024 * 1024;

/// Texts that nest as deep as they may, by the ends of their names. Each has a start, what goes in, what is innermost, what
/// comes out again and an end.
const NESTED: &[(&str, &[[&str; 5]])] = &[
    (
        "ts",
        &[
            ["x=", "[", "", "]", ";"],
            ["x=", "(", "y", ")", ";"],
            ["", "{", "", "}", ""],
            ["x=", "!", "y", "", ";"],
            ["x=", "- ", "y", "", ";"],
            ["x=", "typeof ", "y", "", ";"],
            ["x=", "new ", "y", "", ";"],
            ["x=", "await ", "y", "", ";"],
            ["x=", "a=>", "y", "", ";"],
            ["x=", "a=", "y", "", ";"],
            ["x=", "a?b:", "y", "", ";"],
            ["x=", "a?", "y", ":b", ";"],
            ["x=", "a+", "y", "", ";"],
            ["x=", "a**", "y", "", ";"],
            ["x=", "a??", "y", "", ";"],
            ["x=", "a&&", "y", "", ";"],
            ["x=", "(a,", "y", ")", ";"],
            ["", "if(a)", ";", "", ""],
            ["", "if(a);else ", ";", "", ""],
            ["", "for(;;)", ";", "", ""],
            ["", "for(a of b)", ";", "", ""],
            ["", "while(a)", ";", "", ""],
            ["", "do ", ";", "while(a);", ""],
            ["", "try{", "", "}finally{}", ""],
            ["", "switch(a){case 1:", "", "}", ""],
            ["", "function f(){", "", "}", ""],
            ["x=", "function(a=", "b", "){}", ";"],
            ["", "class A{m(){", "", "}}", ""],
            ["", "class A{static{", "", "}}", ""],
            ["", "class A{p=class{p=", "b", "}}", ""],
            ["x=class extends ", "class extends ", "B", "{}", "{}"],
            ["x=", "()=>{", "", "}", ""],
            ["x=", "async(a)=>", "b", "", ";"],
            ["x=", "async a=>", "b", "", ";"],
            ["x=", "(a=", "b", ")=>c", ";"],
            ["x=", "(a)=>(b)=>", "b", "", ";"],
            ["x=", "`${", "b", "}`", ";"],
            ["x=", "f`${", "b", "}`", ";"],
            ["x=", "f(", "b", ")", ";"],
            ["x=", "f?.(", "b", ")", ";"],
            ["x=", "new F(", "b", ")", ";"],
            ["x=", "import(", "b", ")", ";"],
            ["x=b", ".a", "", "", ";"],
            ["x=b", "?.a", "", "", ";"],
            ["x=b", "[0]", "", "", ";"],
            ["x=b", "()", "", "", ";"],
            ["x=b", "!", "", "", ";"],
            ["x=b", "`a`", "", "", ";"],
            ["x=b", "<A>()", "", "", ";"],
            ["x=b", "++", "", "", ";"],
            ["x=", "{a:", "b", "}", ";"],
            ["x={", "a(){return {", "", "}},", "}"],
            ["x={", "[{", "", "}]:1,", "}"],
            ["let ", "[", "a", "]", "=b;"],
            ["let ", "{a:", "b", "}", "=b;"],
            ["let ", "[a=", "b", "]", "=b;"],
            ["(", "{a:", "b", "}", "=b);"],
            ["x=", "<A>", "b", "", ";"],
            ["x=", "<A>(", "b", ")", ";"],
            ["x=b", " as A", "", "", ";"],
            ["x=b", " satisfies A", "", "", ";"],
            ["x=b", "instanceof b", "", "", ";"],
            ["type A=", "(", "B", ")", ";"],
            ["type A=", "[", "B", "]", ";"],
            ["type A=", "{a:", "B", "}", ";"],
            ["type A=", "{a():", "B", "}", ";"],
            ["type A=", "A<", "B", ">", ";"],
            ["type A=", "keyof ", "B", "", ";"],
            ["type A=", "readonly ", "B", "[]", ";"],
            ["type A=", "A|(", "B", ")", ";"],
            ["type A=", "A&[", "B", "]", ";"],
            ["type A=B", "[]", "", "", ";"],
            ["type A=", "B[", "C", "]", ";"],
            ["type A=", "B extends C?", "D", ":E", ";"],
            ["type A=", "B extends C?D:", "E", "", ";"],
            ["type A=", "()=>", "B", "", ";"],
            ["type A=", "(a:", "B", ")=>C", ";"],
            ["type A=", "new()=>", "B", "", ";"],
            ["type A=", "`${", "B", "}`", ";"],
            ["type A=", "{[K in ", "B", "]:C}", ";"],
            ["type A=typeof a", ".a", "", "", ";"],
            ["type A=", "B<infer C extends ", "D", ">", ";"],
            ["type A=", "asserts a is ", "B", "", ";"],
            ["let a:", "A<", "B", ">", ";"],
            ["function f", "<A extends B", "", ">", "(){}"],
            ["", "namespace a{export ", "let a=1", "}", ""],
            ["namespace a", ".a", "", "{let a=1}", ""],
            ["import a=b", ".b", "", "", ";"],
            ["", "@a ", "class A{}", "", ""],
            ["", "@a(", "b", ")", "class A{}"],
            ["", "@(class{@", "b", " a})", "class A{}"],
            ["", "declare module A{", "", "}", ""],
            [
                "",
                "abstract class A{constructor(private a=",
                "",
                "){}}",
                "",
            ],
            ["enum A{a=", "(", "1", ")", "}"],
            ["enum A{a=", "~", "1", "", "}"],
            ["x=/", "(", "a", ")", "/;"],
            ["x=/", "(?:a|", "a", ")", "/v;"],
            ["x=/", "[a", "b", "]", "/v;"],
        ],
    ),
    (
        "tsx",
        &[
            ["x=", "<a>", "b", "</a>", ";"],
            ["x=", "<>", "b", "</>", ";"],
            ["x=", "<a b={", "c", "}/>", ";"],
            ["x=", "<a b=", "<b/>", "/>", ";"],
            ["x=<a>", "{b&&<a>", "b", "</a>}", "</a>;"],
            ["x=<a {...", "{a:", "b", "}", "}/>;"],
            ["x=<a", ".b", "", "", "/>;"],
            ["x=", "<A,>(", "b", ")", ";"],
        ],
    ),
    (
        "json",
        &[["", "[", "", "]", ""], ["", "{\"a\":", "1", "}", ""]],
    ),
];

/// As many of what nests as may be here.
fn nested([start, into, inner, out, end]: [&str; 5], most: usize) -> String {
    let text = |count: usize| [start, &into.repeat(count), inner, &out.repeat(count), end].concat();
    let (mut least, mut beyond) = (1, most + 2);
    while beyond - least > 1 {
        let middle = usize::midpoint(least, beyond);
        match most_nesting(text(middle).as_bytes()) <= most {
            true => least = middle,
            false => beyond = middle,
        }
    }
    text(least)
}

fn request(files: &[(&str, &str)], options: &Value) -> Vec<u8> {
    let lengths: Vec<Value> = files
        .iter()
        .map(|(path, content)| json!([path, content.len()]))
        .collect();
    let header = json!({ "action": "worker", "files": lengths, "options": options });
    let contents: String = files.iter().map(|(_, content)| *content).collect();
    request::encode(&header.to_string(), contents.as_bytes())
}

#[test]
fn nothing_that_is_small_uses_up_the_stack() {
    let most = protocol::limits::MAX_HERE_NESTING;
    for (extension, texts) in NESTED {
        for text in *texts {
            let name = format!("index.{extension}");
            let source = nested(*text, most);
            assert!(most_nesting(source.as_bytes()) + 32 > most, "{text:?}");
            let files = [
                (name.as_str(), source.as_str()),
                ("package.json", "{}"),
                ("wrangler.jsonc", source.as_str()),
            ];
            let request = request(&files, &json!({ "bundle": false, "entryPoint": name }));
            let work = move || transform_here(request);
            let thread = std::thread::Builder::new().stack_size(STACK_BYTES);
            let reply = thread.spawn(work).unwrap().join().unwrap();
            let (header, _) = read(&reply.unwrap());
            assert!(header["mainModule"].is_string(), "{header}");
        }
    }
}

/// The same request, done here and by a process of its own.
#[test]
fn what_is_done_here_is_what_another_process_gives() {
    let files = [
        (
            "src/index.ts",
            "import { b } from './b'; import n from './n.json'; import t from './t.txt'; enum E { A } export default b(n, t, E.A) as any;",
        ),
        (
            "src/b.tsx",
            "export const b = (...all: unknown[]) => <p>{all}</p>;",
        ),
        ("src/n.json", "{\"n\":1}"),
        ("src/t.txt", "text"),
        ("wrangler.toml", "main = 'src/index.ts'"),
    ];
    for options in [
        json!({ "bundle": false }),
        json!({ "bundle": false, "jsx": "automatic" }),
        json!({ "bundle": false, "entryPoint": "no.ts" }),
    ] {
        let request = request(&files, &options);
        let here = transform_here(request.clone()).unwrap();
        let there = answer(&alone().unwrap(), request, Vec::new());
        assert_eq!(read(&here), read(&there));
    }
}

#[test]
fn what_is_not_small_or_not_of_that_kind_is_left_to_others() {
    let left =
        |files: &[(&str, &str)], options: Value| transform_here(request(files, &options)).is_none();
    let apart = json!({ "bundle": false });
    assert!(!left(&[("index.ts", "let a: number = 1;")], apart.clone()));
    assert!(left(&[("index.ts", "let a: number = 1;")], json!({})));
    let nests = "(".repeat(protocol::limits::MAX_HERE_NESTING + 1);
    assert!(left(&[("index.ts", &nests)], apart.clone()));
    assert!(!left(&[("index.ts", ""), ("a.txt", &nests)], apart.clone()));
    let long = " ".repeat(protocol::limits::MAX_HERE_BYTES);
    assert!(!left(&[("index.ts", &long)], apart.clone()));
    assert!(left(&[("index.ts", &long), ("b.ts", "1")], apart.clone()));
    assert!(left(
        &[("index.ts", "enum A { a = 'a', b = `${a}${a}` }")],
        apart.clone()
    ));
    assert!(transform_here(vec![1, 2, 3]).is_none());
    let names: Vec<String> = (0..=protocol::limits::MAX_HERE_FILES)
        .map(|number| format!("{number}.ts"))
        .collect();
    let many: Vec<(&str, &str)> = names.iter().map(|name| (name.as_str(), "")).collect();
    assert!(left(&many, apart));
}
