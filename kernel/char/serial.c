/*
 * The console: a 16550 UART at COM1 (PC16550D data sheet). Output polls the transmitter, so that it works in
 * any context and in a panic; input arrives by IRQ 4 and is handed out by the line (backspace works, echoed).
 */
#include <asm/io.h>
#include <asm/irq.h>
#include <asm/uaccess.h>
#include <kernel/console.h>
#include <linux/fs.h>
#include <linux/init.h>
#include <linux/interrupt.h>
#include <linux/kernel.h>

#define COM1 0x3F8
#define UART_DATA (COM1 + 0) /* divisor low while DLAB is set */
#define UART_IER (COM1 + 1)  /* divisor high while DLAB is set */
#define UART_FCR (COM1 + 2)
#define UART_LCR (COM1 + 3)
#define UART_MCR (COM1 + 4)
#define UART_LSR (COM1 + 5)
#define IER_RX 0x01
#define FCR_ENABLE_CLEAR 0x07
#define LCR_8N1 0x03
#define LCR_DLAB 0x80
#define MCR_DTR_RTS_OUT2 0x0B
#define LSR_DATA 0x01
#define LSR_THR_EMPTY 0x20
#define TX_PATIENCE 100000 /* polls; a UART that is not there must not hang us */

#define LINE_MAX 256
#define CONSOLE_MAJOR 5

void serial_init(void) {
  outb(0, UART_IER);
  outb(LCR_DLAB | LCR_8N1, UART_LCR);
  outb(1, UART_DATA); /* 115200 baud */
  outb(0, UART_IER);
  outb(LCR_8N1, UART_LCR);
  outb(FCR_ENABLE_CLEAR, UART_FCR);
  outb(MCR_DTR_RTS_OUT2, UART_MCR);
}

static void serial_put(char c) {
  for (u32 i = 0; i < TX_PATIENCE && !(inb(UART_LSR) & LSR_THR_EMPTY); i++) continue;
  outb((u8)c, UART_DATA);
}

void console_write(const char *s, size_t n) {
  unsigned long flags;
  local_irq_save(flags);
  while (n--) serial_put(*s++);
  local_irq_restore(flags);
}

/* Input: complete lines lie in [read_at, line_at), the line being typed in [line_at, write_at). */
static char input[LINE_MAX];
static u32 read_at, line_at, write_at; /* interrupts off; they only grow, modulo 2^32 */
static DECLARE_WAIT_QUEUE_HEAD(input_wait);

#define AT(i) input[(i) % LINE_MAX]

static void input_char(char c) {
  if (c == '\r') c = '\n';
  if (c == '\b' || c == 0x7f) {
    if (write_at != line_at) {
      write_at--;
      console_write("\b \b", 3);
    }
    return;
  }
  if (write_at - read_at == LINE_MAX - (c == '\n' ? 0 : 1)) return; /* full: a newline still fits */
  AT(write_at) = c;
  write_at++;
  console_write(&c, 1);
  if (c == '\n') {
    line_at = write_at;
    wake_up_interruptible(&input_wait);
  }
}

static void serial_interrupt(int irq, void *dev_id, struct pt_regs *regs) {
  (void)irq, (void)dev_id, (void)regs;
  while (inb(UART_LSR) & LSR_DATA) input_char((char)inb(UART_DATA));
}

static ssize_t console_read(struct file *file, char *buf, size_t count, loff_t *ppos) {
  (void)ppos;
  size_t n = 0;
  if (file->f_flags & O_NONBLOCK && read_at == line_at) return -EAGAIN;
  int err = wait_event_interruptible(input_wait, read_at != line_at);
  if (err) return err;
  while (n < count && read_at != line_at) {
    char c = AT(read_at);
    if (put_user(c, buf + n)) return -EFAULT;
    read_at++;
    n++;
    if (c == '\n') break;
  }
  return (ssize_t)n;
}

static ssize_t console_fwrite(struct file *file, const char *buf, size_t count, loff_t *ppos) {
  (void)file, (void)ppos;
  char chunk[128];
  size_t done = 0;
  while (done < count) {
    size_t n = min_t(size_t, sizeof chunk, count - done);
    if (copy_from_user(chunk, buf + done, n)) return done ? (ssize_t)done : -EFAULT;
    console_write(chunk, n);
    done += n;
  }
  return (ssize_t)done;
}

static struct file_operations console_fops = { .read = console_read, .write = console_fwrite };

static int console_init(void) {
  int err = register_chrdev(CONSOLE_MAJOR, "console", &console_fops);
  if (!err) err = request_irq(IRQ_SERIAL, serial_interrupt, SA_INTERRUPT, "serial", NULL);
  if (!err) outb(IER_RX, UART_IER);
  return err;
}
__initcall(console_init);
