(for_statement) @loop
