/** What menus, toolbar and keys do: new project, open checkout, boot, architecture, guide. */
package org.veridianos.ide.ui.commands;
