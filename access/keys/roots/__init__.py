"""Where may the root key lie? In a sealed file, in a PKCS#11 token, or in a transit engine."""
