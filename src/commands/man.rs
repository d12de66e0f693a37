//! `ttg-tui man`: the manual page, made from the same descriptions as `--help`.
//!
//! One page holds all commands, so that it can be read without being installed: `ttg-tui man | man -l -`.

use std::io;

use clap_mangen::Man;
use clap_mangen::roff::{Roff, roman};

use super::print;
use crate::cli::visible;
use crate::error::{Error, Exit};

/// What this program is, for the line that `apropos` shows.
const NAME: &str = "run one computation over many Kubernetes pods, see it happening, and get a proven number";

/// What clap calls the examples behind the flags.
const EXTRA: &str = ".SH EXTRA\n";

/// How every section begins, which is needed once.
const PREAMBLE: &str = ".ie \\n(.g .ds Aq \\(aq\n.el .ds Aq '\n";

/// Prints the page; returns the exit code.
pub(super) fn man() -> Result<u8, Error> {
    let page = page().map_err(|error| Error::new(Exit::Failed, format!("cannot write the manual page: {error}")))?;
    print(&page)?;
    Ok(0)
}

/// Makes the page of the program and of all its commands.
fn page() -> io::Result<Vec<u8>> {
    let program = visible();
    let global: Vec<String> = program.get_arguments().map(|arg| arg.get_id().to_string()).collect();
    let commands: Vec<clap::Command> = program
        .get_subcommands()
        .map(|command| {
            // The flags of every command are told once, with the program.
            let own = command.clone().mut_args(|arg| {
                let is_global = global.iter().any(|id| arg.get_id() == id.as_str());
                if is_global { arg.hide(true) } else { arg }
            });
            let own = own
                .bin_name(format!("ttg-tui {}", command.get_name()))
                .disable_help_flag(true);
            let usage = usage(&own);
            own.override_usage(usage)
        })
        .collect();

    let mut page = Vec::new();
    let about = program.get_about().map(ToString::to_string).unwrap_or_default();
    let program = program.bin_name("ttg-tui");
    let usage = usage(&program);
    let man = Man::new(program.about(NAME).long_about(about).override_usage(usage));
    man.render_title(&mut page)?;
    man.render_name_section(&mut page)?;
    man.render_synopsis_section(&mut page)?;
    man.render_description_section(&mut page)?;
    man.render_options_section(&mut page)?;
    for command in commands {
        page.extend(chapter(command)?);
    }
    page.extend(examples(&man)?);
    man.render_version_section(&mut page)?;
    Ok(page)
}

/// Writes how a command is called. What clap makes of it leaves out that a flag takes a value.
fn usage(command: &clap::Command) -> String {
    let shown = || command.get_arguments().filter(|arg| !arg.is_hide_set());
    let value = |arg: &clap::Arg| {
        let names = arg.get_value_names().unwrap_or_default();
        let names: Vec<&str> = names.iter().map(clap::builder::Str::as_str).collect();
        names.join(" ")
    };
    let flags = shown().filter(|arg| !arg.is_positional()).map(|arg| {
        let short = arg.get_short().map(|short| format!("-{short}"));
        let long = arg.get_long().map(|long| format!("--{long}"));
        let spelled: Vec<String> = short.into_iter().chain(long).collect();
        let flag = spelled.join("|");
        if arg.get_action().takes_values() {
            format!("[{flag} {}]", value(arg))
        } else {
            format!("[{flag}]")
        }
    });
    let positionals = shown().filter(|arg| arg.is_positional()).map(|arg| {
        if arg.is_required_set() {
            value(arg)
        } else {
            format!("[{}]", value(arg))
        }
    });
    let below = command.has_subcommands().then(|| "COMMAND".to_owned());
    let name = command.get_bin_name().unwrap_or_default().to_owned();
    let words: Vec<String> = std::iter::once(name)
        .chain(flags)
        .chain(positionals)
        .chain(below)
        .collect();
    words.join(" ")
}

/// Makes the chapter of one command: what is a section on a page of its own is a subsection here.
fn chapter(command: clap::Command) -> io::Result<Vec<u8>> {
    let title = command.get_bin_name().unwrap_or_default().to_uppercase();
    let has_examples = command.get_after_help().is_some();
    let about = command.get_about().map(ToString::to_string).unwrap_or_default();
    let mut head = Roff::default();
    head.control("SH", [title.as_str()]);
    head.text([roman(about)]);
    let man = Man::new(command);
    let mut sections = Vec::new();
    man.render_synopsis_section(&mut sections)?;
    man.render_options_section(&mut sections)?;
    if has_examples {
        sections.extend(examples(&man)?);
    }
    let below = String::from_utf8_lossy(&sections)
        .replace(PREAMBLE, "")
        .replace(".SH ", ".SS ");
    Ok([head.to_roff(), below].concat().into_bytes())
}

/// Makes the section of the examples, whose lines must stay as they are.
fn examples(man: &Man) -> io::Result<Vec<u8>> {
    let mut section = Vec::new();
    man.render_extra_section(&mut section)?;
    let mut section = String::from_utf8_lossy(&section).replace(EXTRA, ".SH EXAMPLES\n.nf\n");
    section.push_str(".fi\n");
    Ok(section.into_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_synopsis_says_which_flags_take_a_value() {
        let page = page().unwrap();
        // A page writes a hyphen as `\-`.
        let page = String::from_utf8(page).unwrap().replace(r"\-", "-");
        for words in [
            "[--context NAME] [--kubeconfig FILE] [-n|--namespace NS]",
            "[--local]",
            "[--workers N]",
            " RUN N\n",
            " COMMAND\n",
        ] {
            assert!(page.contains(words), "{words} is not in {page}");
        }
    }
}
