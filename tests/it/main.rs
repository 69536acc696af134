mod cases;
mod docs;
mod oracle;
mod tidy;
