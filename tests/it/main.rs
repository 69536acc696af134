mod cases;
mod check;
mod docs;
mod errors;
mod explain;
mod oracle;
mod tidy;
