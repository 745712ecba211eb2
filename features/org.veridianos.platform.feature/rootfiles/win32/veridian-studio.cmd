@echo off
setlocal
for %%f in ("%~dp0plugins\org.eclipse.equinox.launcher_*.jar") do set LAUNCHER=%%f
set JAVA=java
if defined JAVA_HOME set JAVA=%JAVA_HOME%\bin\java
:again
"%JAVA%" -Xmx2g -jar "%LAUNCHER%" -os win32 -ws win32 -arch x86_64 -name "Veridian Studio" %*
if %ERRORLEVEL%==23 goto again
if %ERRORLEVEL%==24 goto again
exit /b %ERRORLEVEL%
