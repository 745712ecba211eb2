package org.veridianos.views.ui.model;

/**
 * What the user points at in a view, for the other views: they show the same process, thread or object.
 *
 * @param machine id of the machine
 * @param pid     number of the process, 0 for none
 * @param thread  address of the thread's record, 0 for none
 * @param object  address of a kernel object, 0 for none
 * @param type    last part of the name of the object's type, for its source line; empty for none
 */
public record Subject(String machine, int pid, long thread, long object, String type) {
}
