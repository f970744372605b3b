module chattts-rs/go

go 1.19
