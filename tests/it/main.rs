mod cases;
mod docs;
mod explain;
mod oracle;
mod tidy;
