"""Deep joint source-channel coding: pictures as analogue symbols, by networks at both ends."""
