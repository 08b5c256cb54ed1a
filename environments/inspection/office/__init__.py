"""Files of an office: workbooks and documents, which are archives of XML."""
