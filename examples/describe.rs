//! Writes down the API descriptions as the sources have them: `docs/openapi.json` and `docs/admin-openapi.json`, which are served.
//!
//!     cargo run --example describe

use serde_json::Value;

/// How deep the text is broken into lines: one for each operation and each schema.
const DEPTH: usize = 3;

/// JSON with a line for each member of the outer objects.
fn laid_out(value: &Value, depth: usize) -> String {
    match value {
        Value::Object(fields) if depth < DEPTH && !fields.is_empty() => {
            let indent = " ".repeat(depth);
            let line = |(name, value): (&String, &Value)| {
                format!("{indent} {}: {}", Value::from(name.as_str()), laid_out(value, depth + 1))
            };
            let lines: Vec<String> = fields.iter().map(line).collect();
            format!("{{\n{}\n{indent}}}", lines.join(",\n"))
        }
        value => value.to_string(),
    }
}

fn main() -> std::io::Result<()> {
    let (api, admin) = hobnob::api::described();
    for (name, description) in [("openapi.json", api), ("admin-openapi.json", admin)] {
        let path = format!("{}/docs/{name}", env!("CARGO_MANIFEST_DIR"));
        std::fs::write(&path, laid_out(&description, 0) + "\n")?;
    }
    Ok(())
}
