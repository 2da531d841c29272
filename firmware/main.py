from gridecho_node.app import main

main()
