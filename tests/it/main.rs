mod cases;
mod tidy;
