mod cases;
mod oracle;
mod tidy;
