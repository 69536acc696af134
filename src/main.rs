//! Settles partner earned credit; everything is in the library.

fn main() -> std::process::ExitCode {
    pecan::cli::main()
}
