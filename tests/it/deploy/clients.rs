//! The README's client examples are those that the generated clients are tested with.

use super::read;

#[test]
fn the_readmes_clients_are_those_that_are_driven() {
    let readme = read("README.md");
    for (language, file) in [("typescript", "resend.ts"), ("python", "resend.py")] {
        let (_, after) = readme.split_once(&format!("```{language}\n")).expect(language);
        let (shown, _) = after.split_once("```").expect(language);
        assert_eq!(shown, read(&format!("tests/clients/{file}")), "{file}");
    }
}
