using System.Runtime.InteropServices;
using System.Text;
using Microsoft.Win32.SafeHandles;

namespace Stentor.Storage;

/// <summary>What .NET does not offer of files.</summary>
internal static class Unix
{
    private const int Interrupted = 4;
    private const int InvalidArgument = 22;
    private const int NotImplemented = 38;
    private const int NotSupported = 95;
    private const uint WaitBeforeWriteWaitAfter = 7;
    private const int WriteOnly = 1;
    private const int DataSync = 0x1000;
    private const int CloseOnExec = 0x80000;

    /// <summary>
    /// fdatasync(2): the bytes and the length. .NET's flush is fsync(2), which also makes the time of the last write durable, and so has every few
    /// commits wait for the file system's journal, in which all other files' changes stand too.
    /// </summary>
    /// <exception cref="IOException">The disk failed.</exception>
    public static void SyncData(SafeFileHandle file)
    {
        while (Fdatasync(file) < 0)
        {
            var error = Marshal.GetLastPInvokeError();
            if (error != Interrupted)
            {
                throw new IOException($"fdatasync(2), error {error}", error);
            }
        }
    }

    /// <summary>sync_file_range(2): the pages go to the device, and neither its cache nor the file system's journal is flushed for them.</summary>
    /// <exception cref="IOException">The disk failed.</exception>
    public static void WriteBack(SafeFileHandle file, long offset, long length)
    {
        while (SyncFileRange(file, offset, length, WaitBeforeWriteWaitAfter) < 0)
        {
            var error = Marshal.GetLastPInvokeError();
            if (error == NotSupported || error == NotImplemented)
            {
                SyncData(file);
                return;
            }

            if (error != Interrupted)
            {
                throw new IOException($"sync_file_range(2), error {error}", error);
            }
        }
    }

    /// <summary>Whether an error says that there is no such call, or not with such arguments: nothing about the disk.</summary>
    /// <param name="e">The error.</param>
    public static bool IsRefusal(IOException e) => e.HResult is InvalidArgument or NotImplemented or NotSupported;

    /// <summary>Opens an open file once more, for writes that go around the system's cache (open(2), O_DIRECT).</summary>
    /// <param name="file">The file.</param>
    /// <param name="isDurable">Whether a write returns only when it is durable (O_DSYNC): one call in place of two.</param>
    /// <returns>Null where the file system has no such writes.</returns>
    public static SafeFileHandle? OpenDirect(SafeFileHandle file, bool isDurable)
    {
        // The one flag here whose number differs between processors.
        var direct = RuntimeInformation.ProcessArchitecture switch
        {
            Architecture.Arm or Architecture.Arm64 => 0x10000,
            Architecture.Ppc64le => 0x20000,
            _ => 0x4000,
        };
        var descriptor = Open(Encoding.ASCII.GetBytes($"/proc/self/fd/{file.DangerousGetHandle()}\0"), WriteOnly | CloseOnExec | direct | (isDurable ? DataSync : 0));
        return descriptor < 0 ? null : new SafeFileHandle(descriptor, ownsHandle: true);
    }

    /// <summary>fsync(2) of a directory.</summary>
    public static void SyncDirectory(string directory)
    {
        var descriptor = Open(Encoding.UTF8.GetBytes(directory + '\0'), 0);
        if (descriptor < 0)
        {
            throw PhysicalDisk.Failure("open the directory " + directory, new IOException($"open(2), error {Marshal.GetLastPInvokeError()}", Marshal.GetLastPInvokeError()));
        }

        var failed = Fsync(descriptor) < 0;
        var error = Marshal.GetLastPInvokeError();
        _ = Close(descriptor);
        if (failed)
        {
            throw PhysicalDisk.Failure("sync the directory " + directory, new IOException($"fsync(2), error {error}", error));
        }
    }

    [DllImport("libc", EntryPoint = "fdatasync", SetLastError = true)]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static extern int Fdatasync(SafeFileHandle descriptor);

    [DllImport("libc", EntryPoint = "sync_file_range", SetLastError = true)]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static extern int SyncFileRange(SafeFileHandle descriptor, long offset, long length, uint flags);

    [DllImport("libc", EntryPoint = "open", SetLastError = true)]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static extern int Open(byte[] path, int flags);

    [DllImport("libc", EntryPoint = "fsync", SetLastError = true)]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static extern int Fsync(int descriptor);

    [DllImport("libc", EntryPoint = "statx", SetLastError = true)]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    public static extern int StatX(int directory, byte[] path, int flags, uint mask, byte[] statx);

    [DllImport("libc", EntryPoint = "close", SetLastError = true)]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static extern int Close(int descriptor);
}
