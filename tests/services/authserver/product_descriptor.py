"""The security descriptor of the application that the tests of the authorization server know."""


def products(name: str) -> dict:
    return {
        "xsappname": name,
        "tenant-mode": "dedicated",
        "scopes": [
            {"name": "$XSAPPNAME.Display", "description": "See products"},
            {"name": "$XSAPPNAME.Edit", "description": "Change prices"},
        ],
        "role-templates": [
            {"name": "Viewer", "scope-references": ["$XSAPPNAME.Display"]},
            {"name": "Editor", "scope-references": ["$XSAPPNAME.Display", "$XSAPPNAME.Edit"]},
        ],
        "role-collections": [
            {"name": f"{name} Viewer", "role-template-references": ["$XSAPPNAME.Viewer"]},
            {"name": f"{name} Editor", "role-template-references": ["$XSAPPNAME.Editor"]},
        ],
        "oauth2-configuration": {"redirect-uris": ["https://*.apps.example.com/login/callback"]},
    }
