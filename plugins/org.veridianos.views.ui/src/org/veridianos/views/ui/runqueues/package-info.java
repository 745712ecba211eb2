/** CPUs, their run queues, and who is blocked on what. */
package org.veridianos.views.ui.runqueues;
