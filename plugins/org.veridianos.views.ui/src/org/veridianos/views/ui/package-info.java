/** Live views of a running kernel's objects: texts and icons of all of them. */
package org.veridianos.views.ui;
